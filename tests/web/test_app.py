"""The API answers as the command does, and refuses what it should."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import RunCommand

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")
pytest.importorskip("python_multipart", reason="the extra 'web' is not installed")
pytest.importorskip("httpx2", reason="the test client needs httpx2")

from starlette.testclient import TestClient

from speechgmm.classifier.model import Model
from speechgmm.classifier.writers import FORMATS as ANSWER_FORMATS
from speechgmm.segmentation.writers import FORMATS as SEGMENT_FORMATS
from speechgmm.web.app import PAGE, make_app
from speechgmm.web.limits import Limits
from tests.web.serving import DESCRIPTION

URL = "http://localhost"


def client_of(model: Model, **options: Any) -> TestClient:
    return TestClient(make_app(model, DESCRIPTION, **options), URL)


@pytest.fixture(scope="module")
def client(tiny_model: Model) -> Iterator[TestClient]:
    """A client of a server with the small model."""
    with client_of(tiny_model) as client:
        yield client


@pytest.fixture(scope="module")
def voice(voices: Path) -> Path:
    return voices / "female" / "synthetic-f03" / "01.wav"


def detail(response: Any) -> str:
    """The text of a problem, whose form is checked."""
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == response.status_code
    return str(problem["detail"])


# Answers


@pytest.mark.parametrize("command", ["classify", "segment"])
@pytest.mark.parametrize("format_", sorted({*ANSWER_FORMATS, *SEGMENT_FORMATS}))
def test_as_the_command(
    client: TestClient, voice: Path, tiny_model_file: Path, run: RunCommand, command: str, format_: str
) -> None:
    """In each format; of a form, the name is the last part of that of the file."""
    if format_ not in (ANSWER_FORMATS if command == "classify" else SEGMENT_FORMATS):
        return
    printed = run(command, voice, "--model", tiny_model_file, "--format", format_, "--quiet").stdout

    response = client.post(f"/{command}?format={format_}", files={"file": ("C:\\a\\../01.wav", voice.read_bytes())})

    assert response.status_code == 200
    expected = printed.partition("\n\n")[0] + "\n" if format_ == "table" and command == "segment" else printed
    assert response.text == expected.replace(str(voice), "01.wav")


def test_raw_body(client: TestClient, voice: Path) -> None:
    """The body may be the recording itself; JSON is the default."""
    form = client.post("/classify", files={"file": ("recording", voice.read_bytes())})
    raw = client.post("/classify", content=voice.read_bytes())

    assert raw.json() == form.json()
    assert raw.headers["content-type"] == "application/json"
    assert raw.json()["answers"][0]["label"] == "female"


def test_options(client: TestClient, voice: Path, tiny_model_file: Path, run: RunCommand) -> None:
    """Priors, least probability, channel and excerpt are those of the command."""
    options = ("--priors", "female=0.2,male=0.8", "--min-probability", "0.9", "--channel", "1")
    excerpt = ("--start", "0.5", "--end", "2")
    query = "priors=female=0.2,male=0.8&min_probability=0.9&channel=1"
    content = voice.read_bytes()
    common = (voice, "--model", tiny_model_file, "--format", "json", "--quiet", *options)

    classified = client.post(f"/classify?{query}", content=content).json()["answers"][0]
    segmented = client.post(f"/segment?{query}&start=0.5&end=2", content=content).json()

    assert {**classified, "path": ""} == {**json.loads(run("classify", *common).stdout)["answers"][0], "path": ""}
    assert {**segmented, "path": ""} == {**json.loads(run("segment", *common, *excerpt).stdout), "path": ""}


def test_events(client: TestClient, voice: Path) -> None:
    """The segments are those of the JSON answer; evidence covers them, and progress ends at the end."""
    answer = client.post("/segment", content=voice.read_bytes()).json()

    response = client.post("/segment?format=events", content=voice.read_bytes())

    events = [json.loads(line) for line in response.text.splitlines()]
    assert [events[0]["type"], events[-1]["type"]] == ["start", "end"]
    segments = [event for event in events if event["type"] == "segment"]
    assert [{key: value for key, value in each.items() if key != "type"} for each in segments] == answer["segments"]
    n_steps = sum(len(event["speech"]) for event in events if event["type"] == "evidence")
    assert n_steps * events[0]["step_s"] == pytest.approx(3.0, abs=0.1)
    assert [event for event in events if event["type"] == "progress"][-1]["duration_s"] == 3.0
    assert events[-1]["duration_s"] == answer["duration_s"]


def test_model(client: TestClient) -> None:
    """The description of the model."""
    assert client.get("/model").json() == DESCRIPTION


# Problems


@pytest.mark.parametrize(
    ("address", "content", "status", "text"),
    [
        ("/classify", b"", 422, "recording: it is empty (0 bytes)"),
        ("/segment", b"noise", 422, "recording: it is not audio that can be read (its format is not recognised)"),
        ("/segment?format=events", b"noise", 422, "recording: it is not audio that can be read (its format is not"),
        ("/classify?chanel=1", b"", 400, "chanel: there is no such option"),
        ("/classify?channel=0", b"", 400, "channel: '0' is not possible: Input should be greater than or equal to 1"),
        ("/classify?format=textgrid", b"", 400, "format: 'textgrid' is not possible: expected one of table, csv"),
        ("/classify?priors=female", b"x", 400, "priors is 'female', expected each class once, as in female=0.4,male"),
        ("/segment?format=events&priors=a=1", b"x", 400, "the priors are for a, expected one for each of female, male"),
        ("/nothing", b"", 404, "there is nothing at this address; the API is described at /openapi.json"),
        ("/model", b"", 405, "this address does not take this method, expected GET"),
    ],
)
def test_problems(client: TestClient, address: str, content: bytes, status: int, text: str) -> None:
    """Each has its status and says what is wrong."""
    response = client.post(address, content=content)

    assert response.status_code == status
    assert detail(response).startswith(text)


def test_no_such_channel_and_excerpt(client: TestClient, voice: Path) -> None:
    """The errors of a recording are those of the command."""
    assert detail(client.post("/classify?channel=2", content=voice.read_bytes())) == (
        "recording: there is no channel 2, expected 1 to 1"
    )
    assert "the excerpt is from 2.0 s to 1.0 s" in detail(
        client.post("/segment?start=2&end=1", content=voice.read_bytes())
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "it has no end"),
        (b"garbage", "Expected boundary character"),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n', "a field is no file"),
        (b'--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\nx', "it has no end"),
        (
            b'--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\nx\r\n' * 2 + b"--b--\r\n",
            "it has several files",
        ),
    ],
    ids=["empty", "garbage", "field", "cut", "two"],
)
def test_faulty_forms(client: TestClient, body: bytes, reason: str) -> None:
    """A form that is no form, or has not exactly one file."""
    response = client.post("/classify", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})

    assert response.status_code == 400
    assert detail(response).startswith(f"the form cannot be read: {reason}")


def test_size(tiny_model: Model, voice: Path) -> None:
    """A body that is too large is refused, whether it declares its size or not; so is one without memory."""
    limits = Limits(upload_bytes=50_000)
    content = voice.read_bytes()
    with client_of(tiny_model, limits=limits) as client:
        declared = client.post("/classify", content=content)
        pieces = client.post("/classify", content=iter([content[:40_000], content[40_000:]]))
    with client_of(tiny_model, limits=Limits(memory_bytes=50_000)) as client:
        full = client.post("/classify", content=content)
        small = client.post("/classify", content=content[:1000])

    assert [declared.status_code, pieces.status_code, full.status_code, small.status_code] == [413, 413, 503, 422]
    assert detail(declared) == detail(pieces)
    assert detail(declared).startswith("the recording has more than 0.05 MB, the limit of this server")
    assert full.headers["retry-after"] == "2"


# The page, and who may ask


def test_page(client: TestClient) -> None:
    """Its files have their types, and the headers that keep everything else out."""
    for path, (_, media_type) in PAGE.items():
        response = client.get(path)
        assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("voices.example.org", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("[", 421),
    ],
)
def test_host(tiny_model: Model, host: str, status: int) -> None:
    """Only its own names: another could be a site that was made to point here."""
    with client_of(tiny_model, hosts=["Voices.example.org"]) as client:
        assert client.get("/model", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("http://localhost", True), ("https://localhost", True), ("http://localhost:1", False), ("null", False)],
)
def test_origin(client: TestClient, voice: Path, origin: str, allowed: bool) -> None:
    """Only pages of this server may send recordings, and live sound."""
    response = client.post("/classify", content=voice.read_bytes(), headers={"Origin": origin})

    assert response.status_code == (200 if allowed else 403)
    if not allowed:
        assert detail(response).startswith(f"the request is from a page of {origin}")
        assert refusal(client, "ws://localhost/live", headers={"Origin": origin}).status_code == 403


def refusal(client: TestClient, address: str, **options: Any) -> Any:
    """The response to a WebSocket that is refused."""
    from starlette.testclient import WebSocketDenialResponse

    with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect(address, **options):
        pass
    return caught.value


def test_token(tiny_model: Model) -> None:
    """Without it only the page is given, which takes it from its address."""
    with client_of(tiny_model, token="secret") as client:
        assert client.get("/").status_code == 200
        for headers in ({}, {"Authorization": "Bearer secre"}, {"Authorization": "Basic secret"}):
            response = client.get("/model", headers=headers)
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
            assert detail(response).startswith("this server needs its token")
        assert client.get("/model", headers={"Authorization": "Bearer secret"}).status_code == 200
        assert client.get("/openapi.json").status_code == 401
        assert refusal(client, "ws://localhost/live").status_code == 401
        assert refusal(client, "ws://localhost/live", subprotocols=["speechgmm", "bearer.secre"]).status_code == 401
        with client.websocket_connect("ws://localhost/live", subprotocols=["speechgmm", "bearer.secret"]) as websocket:
            assert websocket.accepted_subprotocol == "speechgmm"
            websocket.send_text("end")
            assert websocket.receive_json()["detail"] == "live sound: it is empty (0 bytes)"


def test_names_in_any_script(client: TestClient) -> None:
    """The name of a file is that of the browser, and only a name."""
    response = client.post("/classify", files={"file": ("../ä/голос.wav", b"noise")})

    assert detail(response) == "голос.wav: it is not audio that can be read (its format is not recognised)"
