"""Where a study's sequences come from: the user's folder, or the rendered stand-in when none is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from fer_utils import paths
from fer_utils.data import registry
from fer_utils.data.sequence import Inventory
from fer_utils.standins import writing


def inventory(
    name: str,
    data: str = "",
    subjects: int | None = None,
    jobs: int | None = None,
    options: Mapping[str, Mapping] | None = None,
) -> Inventory:
    """Return the dataset `name` as found under the folder `data`; without a folder, its rendered stand-in.

    The stand-in is made if need be; `subjects` sets its size (its own default otherwise). `options` are those of the
    datasets' readers, by dataset. Raises the same DatasetError as `registry.scan`.
    """
    chosen = (options or {}).get(name, {})
    if data:
        recordings = registry.scan(name, data, **chosen)
        if not recordings.sequences:
            reasons = Counter(skipped.reason for skipped in recordings.skipped).most_common(1)
            why = f"; {len(recordings.skipped)} were left out, most for: {reasons[0][0]}" if reasons else ""
            raise registry.DatasetError(f"{recordings.root}: no sequence of {name} can be used{why}")
        return recordings
    if name not in registry.STAND_INS:
        raise registry.DatasetError(f"{name}: has no stand-in; name the folder that holds it with --data")
    folder = paths.data() / (f"rendered-{subjects}" if subjects else "rendered")
    root = writing.ensure(registry.DATASETS[name].stand_in, folder, subjects=subjects, jobs=jobs)
    return registry.scan(name, root, **chosen)
