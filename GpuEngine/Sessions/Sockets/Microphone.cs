using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Hearing;
using Lyceum.GpuEngine.Sessions.Live;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Sessions.Speaking;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Sessions.Sockets;

/// <summary>
/// What a client's microphone sends between a start and an end: one utterance, or, where the engine detects speech, the
/// utterances in it. One for each connection, used by one thread. Speech that has not ended when the connection breaks
/// is dropped.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A stream in memory holds nothing to release.")]
internal sealed class Microphone
{
    /// <summary>Milliseconds of sound that are analysed together.</summary>
    public const int FrameMilliseconds = 20;

    private readonly Session _session;
    private readonly ISessionReader _connection;
    private readonly AudioInput _input;
    private readonly SessionAudioOptions _options;
    private readonly TimeProvider _time;
    private readonly int _frameBytes;
    private readonly int _maxBytes;
    private readonly VoiceActivity _voice;
    private readonly MemoryStream _said = new();
    private string? _id;
    private bool _isFull;

    public Microphone(Session session, ISessionReader connection, AudioInput input, SessionAudioOptions options, TimeProvider time)
    {
        (_session, _connection, _input, _options, _time) = (session, connection, input, options, time);
        _frameBytes = Bytes(TimeSpan.FromMilliseconds(FrameMilliseconds));
        _maxBytes = Bytes(options.MaxUtterance);
        _voice = new VoiceActivity(options, TimeSpan.FromMilliseconds(FrameMilliseconds));
    }

    public AudioInput Input => _input;

    public bool IsOpen { get; private set; }

    /// <summary>Push to talk begins, or the stream does.</summary>
    public void Open(string? id, PlayPosition? played)
    {
        (IsOpen, _isFull, _id) = (true, false, id);
        _said.SetLength(0);
        _voice.Reset();
        if (!_input.DetectsSpeech)
            _session.BeginSpeech(played, _connection);
        else if (played is { } position)
            _session.Report(position, _connection);
    }

    /// <summary>Whole samples.</summary>
    /// <returns>Why it was not taken, once: <see cref="ErrorCodes.AudioTooLong"/>, <see cref="ErrorCodes.Busy"/>; null where it was.</returns>
    public string? Take(ReadOnlySpan<byte> pcm)
    {
        if (_input.DetectsSpeech)
            return Detect(pcm);
        var room = _maxBytes - (int)_said.Length;
        _said.Write(pcm[..Math.Min(room, pcm.Length)]);
        if (pcm.Length <= room || _isFull)
            return null;
        _isFull = true;
        return ErrorCodes.AudioTooLong;
    }

    /// <summary>Push to talk ends, or the stream does: what was said until now is an utterance.</summary>
    public string? Close()
    {
        IsOpen = false;
        var rejected = !_input.DetectsSpeech || _voice.IsSpeech ? Hear() : null;
        _said.SetLength(0);
        _said.Capacity = 0;
        return rejected;
    }

    /// <summary>
    /// Analyses whole frames. <see cref="_said"/> holds the analysed sound and behind it the rest. During silence only
    /// its end is kept, which holds the beginning of speech that is detected later.
    /// </summary>
    private string? Detect(ReadOnlySpan<byte> pcm)
    {
        string? rejected = null;
        while (!pcm.IsEmpty)
        {
            var take = Math.Min(pcm.Length, _frameBytes - ((int)_said.Length % _frameBytes));
            _said.Write(pcm[..take]);
            pcm = pcm[take..];
            if (_said.Length % _frameBytes != 0)
                break;
            var frame = _said.GetBuffer().AsSpan((int)_said.Length - _frameBytes, _frameBytes);
            switch (_voice.Analyse(MemoryMarshal.Cast<byte, short>(frame)))
            {
                case VoiceChange.Started:
                    _session.BeginSpeech(null, _connection);
                    break;
                case VoiceChange.Stopped:
                    rejected = Hear() ?? rejected;
                    break;
                case VoiceChange.None when _voice.IsSpeech && _said.Length >= _maxBytes:
                    rejected = Hear() ?? ErrorCodes.AudioTooLong; // taken up to here; what follows is another utterance
                    _voice.Reset();
                    break;
                case VoiceChange.None when !_voice.IsSpeech:
                    KeepLast(Bytes(_options.Before));
                    break;
            }
        }
        return rejected;
    }

    private string? Hear()
    {
        var utterance = new Utterance(_said.ToArray(), _input.Rate, _id, _time.GetTimestamp());
        _said.SetLength(0);
        _id = null; // one message's only
        return utterance.Pcm.Length == 0 ? null : _session.Hear(utterance, _connection);
    }

    private void KeepLast(int bytes)
    {
        bytes -= bytes % _frameBytes;
        var surplus = (int)_said.Length - bytes;
        if (surplus > 0)
        {
            var buffer = _said.GetBuffer();
            Buffer.BlockCopy(buffer, surplus, buffer, 0, bytes);
            _said.SetLength(bytes);
        }
    }

    private int Bytes(TimeSpan time) => (int)(time.TotalSeconds * _input.Rate) * sizeof(short);
}
