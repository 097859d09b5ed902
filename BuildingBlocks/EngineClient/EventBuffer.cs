using System.Buffers;

namespace Lyceum.EngineClient;

/// <summary>
/// Cuts an event stream into whole events, whose bytes can be passed on as they came. Lines end as the protocol allows
/// (LF, CRLF, CR); a BOM before the first event is dropped. What is JSON from its first byte on is taken value by value:
/// one object for a whole answer, or one a line (Ollama). Own code rather than
/// <see cref="System.Net.ServerSentEvents.SseParser"/>: that one does not bound an event and does not give its bytes. A
/// test holds both to the same reading. One reader, no locks.
/// </summary>
/// <param name="stream">Where <see cref="FillAsync"/> reads; null where <see cref="Add"/> hands the bytes over.</param>
public sealed class EventBuffer(Stream? stream = null)
{
    /// <summary>Bytes of one event; a larger one is a <see cref="MalformedStreamException"/>.</summary>
    public const int MaxEvent = 1024 * 1024;

    // A token's event is 150-400 bytes; a larger buffer only helps a sender that is faster than its reader.
    private const int Initial = 8 * 1024;

    private byte[] _bytes = GC.AllocateUninitializedArray<byte>(Initial);
    private ArrayBufferWriter<byte>? _joined; // the data of an event that has more than one line of them
    private int _taken;    // end of the events taken since the last fill
    private int _line;     // start of the first line that was not read yet
    private int _searched; // from _line to here there is no line end
    private int _end;
    private int _data, _dataLength, _dataLines; // of the event that begins at _taken, as the next
    private bool _isError;
    private bool _begun;
    private bool _hasFields; // a line that is not empty was read
    private int _depth;      // of the JSON value that begins at _data
    private bool _inString, _isEscaped;

    /// <summary>The events taken since the last fill, as they came.</summary>
    public ReadOnlyMemory<byte> Taken => _bytes.AsMemory(0, _taken);

    /// <summary>Bytes of an event whose end has not come yet.</summary>
    public int Waiting => _end - _taken;

    /// <summary>The event taken last says <c>event: error</c>, or llama.cpp's <c>error: {…}</c>.</summary>
    public bool IsError { get; private set; }

    /// <summary>There are JSON values alone, whose bytes are no events.</summary>
    public bool IsJson { get; private set; }

    /// <summary>The event taken last was not ended by its blank line.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Reads what is there, forgetting the taken events; false at the stream's end.</summary>
    /// <exception cref="MalformedStreamException">An event is larger than <see cref="MaxEvent"/>.</exception>
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        MakeRoom(1);
        var read = await stream!.ReadAsync(_bytes.AsMemory(_end), cancellationToken);
        _end += read;
        return read > 0;
    }

    /// <summary>Adds bytes, at most <see cref="MaxEvent"/>, forgetting the taken events.</summary>
    /// <exception cref="MalformedStreamException">An event is larger than <see cref="MaxEvent"/>.</exception>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        MakeRoom(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(_end));
        _end += bytes.Length;
    }

    /// <summary>No more bytes will come: what waits is an event without its blank line. False: nothing waits.</summary>
    public bool End()
    {
        if (IsCut || Waiting == 0)
            return false;
        Add("\n\n"u8);
        IsCut = true;
        return true;
    }

    /// <summary>Takes the next whole event.</summary>
    /// <param name="data">Its data lines, joined; empty for a comment. Valid until the next event or fill.</param>
    public bool TryTake(out ReadOnlySpan<byte> data)
    {
        data = default;
        if (!_begun && !Begin())
            return false;
        while (!IsJson)
        {
            if (!_hasFields && _line < _end && _bytes[_line] is (byte)'{' or (byte)'[')
            {
                IsJson = true;
                break;
            }
            var at = _bytes.AsSpan(_searched, _end - _searched).IndexOfAny((byte)'\n', (byte)'\r');
            if (at < 0)
            {
                _searched = _end;
                return false;
            }
            at += _searched;
            var next = at + 1;
            if (_bytes[at] == '\r')
            {
                if (next == _end)
                {
                    _searched = at; // its \n may still come
                    return false;
                }
                next += _bytes[next] == '\n' ? 1 : 0;
            }
            if (at == _line)
            {
                data = _dataLines > 1 ? _joined!.WrittenSpan : _bytes.AsSpan(_data, _dataLength);
                (_taken, _line, _searched) = (next, next, next);
                (IsError, _isError) = (_isError, false);
                (_data, _dataLength, _dataLines) = (0, 0, 0);
                return true;
            }
            ReadLine(at);
            (_line, _searched, _hasFields) = (next, next, true);
        }
        return TryTakeJson(out data);
    }

    private bool TryTakeJson(out ReadOnlySpan<byte> data)
    {
        for (; _searched < _end; _searched++)
        {
            var next = _bytes[_searched];
            if (_inString)
            {
                (_inString, _isEscaped) = (next != '"' || _isEscaped, next == '\\' && !_isEscaped);
            }
            else if (next == '"')
            {
                _inString = _depth > 0;
            }
            else if (next is (byte)'{' or (byte)'[')
            {
                if (_depth++ == 0)
                    (_data, _dataLines) = (_searched, 1);
            }
            else if (next is (byte)'}' or (byte)']' && _depth > 0 && --_depth == 0)
            {
                data = _bytes.AsSpan(_data, ++_searched - _data);
                (_taken, _line, _dataLines) = (_searched, _searched, 0);
                return true;
            }
        }
        data = default;
        return false;
    }

    private void ReadLine(int end)
    {
        var line = _bytes.AsSpan(_line, end - _line);
        if (line.StartsWith("data:"u8))
        {
            AddData(_line + "data:".Length, end);
        }
        else if (line.StartsWith("error:"u8))
        {
            _isError = true;
            AddData(_line + "error:".Length, end);
        }
        else if (line.StartsWith("event:"u8))
        {
            _isError = line["event:".Length..].Trim((byte)' ').SequenceEqual("error"u8);
        }
        else if (line[0] == '{' && line[^1] == '}')
        {
            AddData(_line, end); // an error that the server did not send as an event
        }
    }

    private void AddData(int start, int end)
    {
        if (start < end && _bytes[start] == ' ')
            start++;
        if (++_dataLines == 1)
        {
            (_data, _dataLength) = (start, end - start);
            return;
        }
        _joined ??= new ArrayBufferWriter<byte>();
        if (_dataLines == 2)
        {
            _joined.ResetWrittenCount();
            _joined.Write(_bytes.AsSpan(_data, _dataLength));
        }
        _joined.Write("\n"u8);
        _joined.Write(_bytes.AsSpan(start, end - start));
    }

    /// <summary>Drops the BOM; false while it cannot be told whether there is one.</summary>
    private bool Begin()
    {
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        var start = _bytes.AsSpan(0, _end);
        if (start.Length < mark.Length && mark.StartsWith(start))
            return false;
        _begun = true;
        if (start.StartsWith(mark))
        {
            start[mark.Length..].CopyTo(start);
            _end -= mark.Length;
        }
        return true;
    }

    private void MakeRoom(int size)
    {
        if (_taken > 0)
        {
            _bytes.AsSpan(_taken, _end - _taken).CopyTo(_bytes);
            _end -= _taken;
            _line -= _taken;
            _searched -= _taken;
            _data -= _dataLines > 0 ? _taken : 0;
            _taken = 0;
        }
        if (_end + size <= _bytes.Length)
            return;
        if (_end >= MaxEvent)
            throw new MalformedStreamException($"An event is larger than {MaxEvent} bytes.");
        Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _end + size));
    }
}

/// <summary>What was read is no event stream of chat completions, or no chat completion.</summary>
public sealed class MalformedStreamException(string message, Exception? inner = null) : FormatException(message, inner);
