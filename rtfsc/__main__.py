"""``python -m rtfsc``."""

import sys

from rtfsc.cli.main import main

sys.exit(main())
