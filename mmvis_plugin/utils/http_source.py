"""One request for a file, or for the rest of it, that believes little."""
import http.client
import re
import urllib.error
import urllib.request
from email.message import Message
from types import TracebackType
from typing import Iterator, Optional, Type
from urllib.parse import urlsplit

CHUNK = 1 << 18
_USER_AGENT = 'mmvis_plugin'
# busy or broken for the moment
_PASSING = (408, 425, 429, 500, 502, 503, 504)


class PassingError(Exception):
    """The same request may succeed later."""


class MirrorError(Exception):
    """This address does not give the file."""


class RangeError(Exception):
    """What was kept of the file does not belong to what is there now."""


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to web addresses that are no less safe."""

    def redirect_request(self, req: urllib.request.Request, fp: object,
                         code: int, msg: str, headers: Message,
                         newurl: str) -> Optional[urllib.request.Request]:
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ('http', 'https') or (old, new) == ('https', 'http'):
            raise MirrorError(f'redirects from {old} to {new}: {newurl}')
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class HttpSource:
    """The body of a file from one of its bytes on.

    Args:
        url (str): Of http or https.
        start (int): First byte that is wanted. Defaults to 0.
        validator (str, optional): ``ETag`` or date of the version whose first
            bytes are there already. Defaults to None.
        timeout (float): Seconds without any data that are too many. Defaults
            to 30.

    Attributes:
        start (int): First byte that comes: the one that was asked for, or 0
            from a server that gives whole files only.
        total (int, optional): Size of the whole file, if the server says it.
        validator (str, optional): For a later request of the rest.
        complete (bool): Nothing is missing behind ``start``.
        framed (bool): The end of the body can be told from a lost
            connection.

    Raises:
        PassingError: The connection fails or the server is busy.
        MirrorError: The address does not give the file.
        RangeError: Another version of the file is there, or the answer
            belongs to another range.
    """

    def __init__(self,
                 url: str,
                 start: int = 0,
                 validator: Optional[str] = None,
                 timeout: float = 30.) -> None:
        if urlsplit(url).scheme not in ('http', 'https'):
            raise MirrorError('not an address of http or https')
        headers = {'User-Agent': _USER_AGENT, 'Accept-Encoding': 'identity'}
        if start:
            headers['Range'] = f'bytes={start}-'
            if validator is not None:
                headers['If-Range'] = validator
        self.start, self.complete = start, False
        self.total: Optional[int] = None
        self.validator = validator
        self.framed = True
        self._response = None
        try:
            request = urllib.request.Request(url, headers=headers)
            opener = urllib.request.build_opener(_SafeRedirects)
            self._response = opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as err:
            self._refuse(err)
        except (OSError, http.client.HTTPException) as err:
            raise PassingError(_reason(err)) from None
        except ValueError as err:  # an address that urllib cannot read
            raise MirrorError(_reason(err)) from None
        else:
            self._read_head()

    def _refuse(self, err: urllib.error.HTTPError) -> None:
        """Sort the errors that a server may answer with."""
        with err:
            if err.code == 416 and self.start:
                size = re.fullmatch(r'bytes \*/(\d+)',
                                    err.headers.get('Content-Range', ''))
                if size is None or int(size[1]) != self.start:
                    raise RangeError('the file is shorter there')
                self.total, self.complete = self.start, True
                return
            text = ' '.join(str(err.msg).split())
            if err.code in _PASSING:
                raise PassingError(f'answers {err.code} {text}')
            raise MirrorError(f'answers {err.code} {text}')

    def _read_head(self) -> None:
        response = self._response
        head = response.headers
        length = head.get('Content-Length', '')
        length = int(length) if length.isdigit() else None
        self.validator = _validator(head)
        self.framed = length is not None or 'chunked' in head.get(
            'Transfer-Encoding', '').lower()
        if head.get_content_type() == 'text/html':
            self.close()
            raise MirrorError('answers with a web page instead of the file')
        if head.get('Content-Encoding', 'identity') != 'identity':
            self.close()
            raise MirrorError('packs the file with '
                              f'{head["Content-Encoding"]}')
        if response.status == 200:
            self.start, self.total = 0, length
        elif response.status == 206:
            self._read_range(head.get('Content-Range', ''), length)
        else:
            self.close()
            raise MirrorError(f'answers {response.status}, expected 200')

    def _read_range(self, text: str, length: Optional[int]) -> None:
        """Check that a part is the one that was asked for."""
        found = re.fullmatch(r'bytes (\d+)-(\d+)/(\d+|\*)', text)
        if found is None or int(found[1]) != self.start:
            self.close()
            raise RangeError(f'sends the range {text!r} instead of '
                             f'{self.start}-')
        end = int(found[2]) + 1
        self.total = end if found[3] == '*' else int(found[3])
        if end != self.total or length not in (None, end - self.start):
            self.close()
            raise RangeError(f'sends the range {text!r} with {length} bytes')

    def chunks(self) -> Iterator[bytes]:
        """Yield the body piece by piece.

        Raises:
            PassingError: The connection ends before the body does.
        """
        if self.complete:
            return
        position = self.start
        try:
            while self.total is None or position < self.total:
                wanted = CHUNK if self.total is None else min(
                    CHUNK, self.total - position)
                chunk = self._response.read1(wanted)
                if not chunk:
                    break
                position += len(chunk)
                yield chunk
        except http.client.IncompleteRead:
            raise PassingError('the connection ends too early') from None
        except (OSError, http.client.HTTPException) as err:
            raise PassingError(_reason(err)) from None
        if self.total is not None and position < self.total:
            raise PassingError(f'the connection ends after {position} of '
                               f'{self.total} bytes')

    def close(self) -> None:
        """Close the connection."""
        if self._response is not None:
            self._response.close()

    def __enter__(self) -> 'HttpSource':
        return self

    def __exit__(self, kind: Optional[Type[BaseException]],
                 error: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        self.close()


def _validator(head: Message) -> Optional[str]:
    """Return what tells a version of a file from another."""
    etag = head.get('ETag')
    if etag and not etag.startswith('W/'):
        return etag
    return head.get('Last-Modified')


def _reason(err: BaseException) -> str:
    """Return one line about a failed connection."""
    err = getattr(err, 'reason', None) or err
    text = ' '.join(str(err).split())
    return text or type(err).__name__
