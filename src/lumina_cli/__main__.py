"""`python -m lumina_cli` is the same as `lumina`."""

from lumina_cli.cli.app import main

if __name__ == "__main__":
    main()
