using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lyceum.Contracts;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>A record as the log keeps it: the session, its owner, and what was said.</summary>
internal sealed record LoggedTurn(string SessionId, string Tenant, string Owner, SessionTurnRecord Record);

/// <summary>
/// One record on disk: length of the payload and its CRC-32C, four bytes each, little endian, then the payload, JSON. A
/// frame that a crash cut off fails the check.
/// </summary>
internal static class TranscriptFrame
{
    private const int Header = 8;
    private const int MaxPayload = 16 * 1024 * 1024;

    /// <summary>Writes records one behind the other, into memory that it keeps.</summary>
    public sealed class Writer : IDisposable
    {
        private readonly ArrayBufferWriter<byte> _frames = new(64 * 1024);
        private readonly ArrayBufferWriter<byte> _payload = new(1024);
        private readonly Utf8JsonWriter _json;

        public Writer() => _json = new Utf8JsonWriter(_payload);

        public ReadOnlySpan<byte> Written => _frames.WrittenSpan;

        public void Clear() => _frames.ResetWrittenCount();

        public void Add(LoggedTurn turn)
        {
            _payload.ResetWrittenCount();
            _json.Reset();
            JsonSerializer.Serialize(_json, turn, TranscriptJson.Default.LoggedTurn);
            var payload = _payload.WrittenSpan;
            var frame = _frames.GetSpan(Header + payload.Length);
            BinaryPrimitives.WriteInt32LittleEndian(frame, payload.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], Crc(payload));
            payload.CopyTo(frame[Header..]);
            _frames.Advance(Header + payload.Length);
        }

        public void Dispose() => _json.Dispose();
    }

    /// <summary>The first record of <paramref name="log"/>, whose bytes are then skipped; false at its end or where it is torn.</summary>
    public static bool TryRead(ref ReadOnlySpan<byte> log, out LoggedTurn turn)
    {
        turn = null!;
        if (log.Length < Header)
            return false;
        var length = BinaryPrimitives.ReadInt32LittleEndian(log);
        // A payload is never empty: zeros at the end, as some file systems leave them, are no record.
        if (length is <= 0 or > MaxPayload || length > log.Length - Header)
            return false;
        var payload = log.Slice(Header, length);
        if (Crc(payload) != BinaryPrimitives.ReadUInt32LittleEndian(log[4..]))
            return false;
        turn = JsonSerializer.Deserialize(payload, TranscriptJson.Default.LoggedTurn)!;
        log = log[(Header + length)..];
        return true;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}

[JsonSerializable(typeof(LoggedTurn))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class TranscriptJson : JsonSerializerContext;
