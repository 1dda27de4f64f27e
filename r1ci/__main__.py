"""``python -m r1ci``: the command line."""

from r1ci.cli.main import main

if __name__ == "__main__":
    main()
