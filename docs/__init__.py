"""The documentation site: its pages, and the programs that write some of them."""
