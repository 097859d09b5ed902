/** A model sees no more in a larger picture (CSS px of the longer side). */
const longest = 2048

/** A photo as it is sent: at most 2,048 px, as JPEG. A small picture that is not a photo stays as it is. */
export async function smaller(file: File): Promise<Blob> {
  const picture = await createImageBitmap(file, { imageOrientation: 'from-image' })
  const scale = Math.min(1, longest / Math.max(picture.width, picture.height))
  if (scale === 1 && file.size < 1_000_000 && /^image\/(png|jpeg|webp|gif)$/.test(file.type)) return file
  const canvas = document.createElement('canvas')
  canvas.width = Math.round(picture.width * scale)
  canvas.height = Math.round(picture.height * scale)
  const context = canvas.getContext('2d')!
  // A transparent picture becomes black otherwise.
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(picture, 0, 0, canvas.width, canvas.height)
  picture.close()
  return new Promise((resolve, reject) => canvas.toBlob(blob => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/jpeg', 0.85))
}
