// session.mjs WEB_SERVER: the example that clients of live sessions were given, as it stands but for its address, in Node.
// Prints one JSON line of what it saw; exit status 0 if it was content.
import WebSocket from 'ws';

const [webServer] = process.argv.slice(2);
const seen = [];
const console = { log: (...line) => seen.push(line), error: (...line) => seen.push(line) };

// ---- the example ----
// 1. 创建会话（通过 Web Server）
const response = await fetch(`${webServer}/api/tutors/1/sessions`, {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    "Authorization": "Bearer YOUR_JWT_TOKEN"  // 如果需要认证
  },
  body: JSON.stringify({
    student_id: 123,
    kb_id: "test"
  })
})

const data = await response.json()
console.log("Session created:", data)

// 2. 直接连接 GPU Server 的 WebSocket
const ws = new WebSocket(data.engine_url)  // 已包含 token

ws.onopen = () => {
  console.log("✓ WebSocket connected")

  // 发送测试消息
  ws.send(JSON.stringify({
    type: "text",
    content: "Hello"
  }))
}

ws.onmessage = (event) => {
  const message = JSON.parse(event.data)
  console.log("✓ Received:", message)

  if (message.type === "text") {
    console.log("AI:", message.content)
  } else if (message.type === "error") {
    console.error("Error:", message.content)
  }
}

ws.onerror = (error) => {
  console.error("✗ WebSocket error:", error)
}

ws.onclose = () => {
  console.log("WebSocket closed")
}
// ---- its end ----

ws.addEventListener('message', () => ws.close());
ws.addEventListener('close', () => process.stdout.write(JSON.stringify(seen)));
