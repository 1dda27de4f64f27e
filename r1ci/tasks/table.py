"""The tasks that ship with r1ci, without importing any of them; the order is the registry's."""

from __future__ import annotations

from r1ci.tasks.base import TaskInfo
from r1ci.tasks.bbh import table as bbh
from r1ci.tasks.reasoning_gym import table as reasoning_gym
from r1ci.tasks.symbench import table as symbench

TABLE: tuple[TaskInfo, ...] = symbench.TABLE + bbh.TABLE + reasoning_gym.TABLE
