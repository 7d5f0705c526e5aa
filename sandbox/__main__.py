"""``python -m sandbox`` is ``balanced-sandbox``."""

from sandbox.cli import main

raise SystemExit(main())
