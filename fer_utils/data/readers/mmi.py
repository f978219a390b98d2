"""MMI: `Sessions/1767/` with session.xml (the view), S001-119.avi (the clip) and S001-119.xml (the emotion)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from fer_utils.data import labels, tree
from fer_utils.data.sequence import Dataset, DatasetError, Inventory, LeftOut, MissingDataset, Sequence, Skipped

VIEWS = {0: "frontal", 1: "profile", 2: "frontal and profile in one picture"}
CODES = dict(enumerate(labels.SHARED, start=1))  # values of the emotions in its XML; larger ones are other states
_LARGEST_XML = 1_000_000  # bytes; a session's is some 2 kB


def is_here(root: Path) -> bool:
    """Return whether a folder of sessions is under the root."""
    return bool(tree.search(root, _holds_sessions))


def scan(root: Path, *, views: tuple[int, ...] = (0,)) -> Inventory:
    """Return the clips with one of the six emotions, from neutral to apex and back, in one of `views` (see `VIEWS`).

    Clips are returned as they were recorded; `landmarks.upright` finds the turn of those that lie on their side. Raises
    MissingDataset if there are no sessions, DatasetError for an option out of range.
    """
    if not isinstance(views, tuple | list) or not views or any(view not in list(VIEWS) for view in views):
        raise DatasetError(f"mmi: views is {views!r}; it can be a list of {', '.join(map(str, VIEWS))}")
    # the set is downloaded in parts, each with a Sessions folder of its own
    parts = tree.real_first(_find_parts(root))
    if not parts:
        if empty := tree.search(root, tree.named("Sessions")):
            raise MissingDataset(f"{empty[0]}: no folder with a session.xml in it; unpack it again")
        raise MissingDataset(f"{root}: no Sessions folder here; unpack MMI there, or name its folder")
    rendered = tree.is_rendered(parts[0])
    if rendered:  # stand-ins of several sizes hold the same actors
        parts = parts[:1]
    sequences, skipped, seen = [], [], set()
    for session in (session for part in parts for session in tree.folders(part, skipped) if session not in parts):
        clips = _clips(session, skipped)
        if clips and session.name in seen:
            skipped.append(Skipped(session, "a session of this number is there twice"))
            continue
        seen |= {session.name} if clips else set()
        for clip in clips:
            with tree.leaving_out(clip, skipped):
                subject = re.fullmatch(r"(S\d+)-\d+", clip.stem, re.IGNORECASE)
                if not subject:
                    raise LeftOut("no subject in the clip's name (S001-119.avi)")
                view = parse_view(_read_xml(tree.child(session, "session.xml"), "its view is not known"), clip.name)
                if view not in views:
                    raise LeftOut(f"view {view}, {VIEWS.get(view, 'which does not exist')}")
                emotion = parse_emotion(_read_xml(tree.child(session, f"{clip.stem}.xml"), "the clip has no label"))
                person, name = f"mmi/{subject[1].upper()}", f"{session.name}/{clip.stem}"
                sequences.append(Sequence("mmi", person, name, emotion, tree.video(clip), "inside", rendered))
    return Inventory("mmi", root, rendered, sequences, skipped)


def parse_emotion(xml: bytes) -> str:
    """Return the emotion in a clip's XML, `<Metatag Name="Emotion" Value="1"/>`. Raises LeftOut."""
    tags = [tag for tag in _elements(xml, "Metatag") if tag.get("Name", "").casefold() == "emotion"]
    code = _only_number((tag.get("Value", "") for tag in tags), "emotion label")
    if code not in CODES:
        raise LeftOut(f"emotion label {code}: not one of the six emotions")
    return CODES[code]


def parse_view(xml: bytes, clip: str) -> int:
    """Return the view of a clip in its session's XML, `<track view="0" …/>`. Raises LeftOut.

    A track that names the clip is preferred to those that name none.
    """
    tracks = [track for track in _elements(xml, "track") if track.get("view", "").strip()]
    own = [track for track in tracks if track.get("filename", "").casefold() == clip.casefold()]
    unnamed = [track for track in tracks if not track.get("filename")]
    return _only_number((track.get("view") for track in own or unnamed or tracks), "view in session.xml")


def _only_number(texts: Iterable[str], what: str) -> int:
    """Return the number that all texts which are not blank agree on. Raises LeftOut."""
    values = {text.strip() for text in texts} - {""}
    if len(values) != 1:
        raise LeftOut(f"more than one {what}" if values else f"no {what}")
    value = values.pop()
    if not re.fullmatch(r"[0-9]{1,4}", value):
        raise LeftOut(f"the {what} is not a number")
    return int(value)


def _elements(xml: bytes, name: str) -> list[Element]:
    """Return the elements of this name in any namespace. The files come from outside: no DTD, entity or reference."""
    try:
        root = fromstring(xml, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        raise LeftOut("its XML declares a DTD or entities, which is refused: get the file again") from None
    except (ParseError, ValueError, LookupError):  # the last two: an encoding that is unknown or broken
        raise LeftOut("its XML cannot be read: get the file again") from None
    return [element for element in root.iter() if str(element.tag).rpartition("}")[2].casefold() == name.casefold()]


def _clips(session: Path, skipped: list[Skipped]) -> list[Path]:
    with tree.leaving_out(session, skipped):
        if clips := tree.files(session, (".avi",)):
            return clips
        raise LeftOut("no AVI clip in the session")
    return []


def _read_xml(file: Path, consequence: str) -> bytes:
    try:
        if file.exists() and not file.is_file():  # such as a pipe, which would block
            raise LeftOut("its XML is not a file: get the file again")
        with file.open("rb") as stream:
            data = stream.read(_LARGEST_XML + 1)
    except FileNotFoundError:
        name = file.name if file.name == "session.xml" else "XML beside it"
        raise LeftOut(f"no {name}: {consequence}") from None
    except OSError as error:
        raise LeftOut(f"its XML cannot be read ({error.strerror})") from None
    if len(data) > _LARGEST_XML:
        raise LeftOut("its XML is too large for a session's: get the file again")
    return data


def _find_parts(root: Path) -> list[Path]:
    """Return the folders that hold sessions, and those inside them: a session can lie beside a folder of others."""
    parts = tree.search(root, _holds_sessions)
    return parts + [below for part in parts for below in tree.folders(part, []) if _holds_sessions(below)]


def _holds_sessions(folder: Path) -> bool:
    return any(path.name.casefold() == "session.xml" for path in folder.glob("*/*"))


# frontal clips with one of six emotions, about as many as other papers used (the dataset grew over the years); the
# selection of the reproduced paper is not known
DATASETS = (
    Dataset("mmi", "MMI", scan, is_here, published={"sequences": 205, "subjects": 30}, rough=True, stand_in="mmi"),
)
