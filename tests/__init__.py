"""The tests; before they import torch, its threads are told not to spin, as the command does."""

import os

from lumina_cli.cli.app import SHORT_WAITS

os.environ.setdefault(*SHORT_WAITS)
