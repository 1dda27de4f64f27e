"""Official data of the tasks, for users who have it: read, recognised, and held against our own checkers.

names.py    which task a folder, file or row belongs to
records.py  SFT JSON (alpaca, sharegpt, messages) and RL parquet (verl, Search-R1)
loader.py   every item under a folder, or of a data set on the hub
audit.py    which items are sound, which are repaired, which are left out, and why
"""

from r1ci.tasks.official.audit import Audit, TaskAudit, Verdict, audit, judge, sound
from r1ci.tasks.official.loader import Item, fetch, items
from r1ci.tasks.official.records import Conversation, Reward, read_rl, read_sft

__all__ = [
    "Audit",
    "Conversation",
    "Item",
    "Reward",
    "TaskAudit",
    "Verdict",
    "audit",
    "fetch",
    "items",
    "judge",
    "read_rl",
    "read_sft",
    "sound",
]
