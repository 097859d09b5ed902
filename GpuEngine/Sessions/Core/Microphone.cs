using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Lyceum.GpuEngine.Speech;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>
/// What a client's microphone sends between a start and an end: one utterance, or, where the engine detects speech, the
/// utterances in it. One connection's, and one thread's. What was not said to its end when the connection breaks is gone.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A stream in memory has nothing to let go of.")]
internal sealed class Microphone
{
    /// <summary>Milliseconds of sound that are looked at together.</summary>
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

    /// <summary>The button is pressed, or the stream begins.</summary>
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

    /// <summary>The button is let go, or the stream ends: what was said until now is an utterance.</summary>
    public string? Close()
    {
        IsOpen = false;
        var refused = !_input.DetectsSpeech || _voice.IsSpeech ? Hear() : null;
        _said.SetLength(0);
        _said.Capacity = 0;
        return refused;
    }

    /// <summary>
    /// Looks at whole frames; <see cref="_said"/> holds what is not looked at yet behind what is, of which, while nobody speaks,
    /// only the last moment is kept: the beginning of what they will say.
    /// </summary>
    private string? Detect(ReadOnlySpan<byte> pcm)
    {
        string? refused = null;
        while (!pcm.IsEmpty)
        {
            var take = Math.Min(pcm.Length, _frameBytes - ((int)_said.Length % _frameBytes));
            _said.Write(pcm[..take]);
            pcm = pcm[take..];
            if (_said.Length % _frameBytes != 0)
                break;
            switch (_voice.Look(MemoryMarshal.Cast<byte, short>(_said.GetBuffer().AsSpan((int)_said.Length - _frameBytes, _frameBytes))))
            {
                case VoiceChange.Started:
                    _session.BeginSpeech(null, _connection);
                    break;
                case VoiceChange.Stopped:
                    refused = Hear() ?? refused;
                    break;
                case VoiceChange.None when _voice.IsSpeech && _said.Length >= _maxBytes:
                    refused = Hear() ?? ErrorCodes.AudioTooLong; // it is taken as far as it goes; what follows is another one
                    _voice.Reset();
                    break;
                case VoiceChange.None when !_voice.IsSpeech:
                    KeepLast(Bytes(_options.Before));
                    break;
            }
        }
        return refused;
    }

    private string? Hear()
    {
        var utterance = new Utterance(_said.ToArray(), _input.Rate, _id, _time.GetTimestamp());
        _said.SetLength(0);
        _id = null; // a name is one message's
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
