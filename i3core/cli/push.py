"""`i3core push` and `hub-login`: a model to the Hugging Face hub."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any

from ..errors import ConfigError
from .output import print_json


def add_push(commands: Any) -> None:
    """Both subcommands."""
    text = "send a model to the Hugging Face hub, with a card that describes it"
    parser = commands.add_parser(
        "push",
        help=text,
        description=text,
        epilog="Needs an access token that may write: i3core hub-login, or HF_TOKEN. What was cut off goes on where it "
        "stopped. To make a folder that also loads where i3core is not installed: i3core convert --to transformers.",
    )
    parser.set_defaults(run=push)
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="model or run folder, or the name of a model")
    add("repo", metavar="REPO", help="OWNER/NAME on the hub; made if it is not there")
    add("--private", action="store_true", help="make it private; refused if it is there and public")
    add("--revision", default="main", metavar="BRANCH", help="branch to send to (default: %(default)s)")
    add("--license", default="", metavar="NAME", help="for the card, such as apache-2.0 (default: the model's own)")
    add("--message", default="", metavar="TEXT", help="of the commit")
    add("--dry-run", action="store_true", help="show the card and the files, and send nothing")
    add("--json", action="store_true", help="print the result as one JSON line")

    text = "keep an access token of the Hugging Face hub in the system's keyring"
    parser = commands.add_parser("hub-login", help=text, description=text)
    parser.set_defaults(run=hub_login)
    parser.add_argument("--logout", action="store_true", help="remove it again")


def push(arguments: argparse.Namespace) -> None:
    from ..hub.upload import plan_push
    from ..hub.upload import push as send

    plan = plan_push(arguments.folder, arguments.repo, arguments.license)
    if arguments.dry_run:
        if arguments.json:
            print_json({"repo": plan.repo, "files": plan.sizes, "card": plan.card})
            return
        print(plan.card)
        for name, size in plan.sizes.items():
            print(f"{name:28} {size:>14,} bytes")
        return
    done = send(plan, arguments.private, arguments.revision, arguments.message)
    if arguments.json:
        print_json({"url": done.url, "commit": done.commit, "files": plan.sizes})
    else:
        print(
            f"{done.url}: {sum(plan.sizes.values()) / 1e6:.1f} MB in {len(plan.sizes)} files, commit {done.commit[:8]}"
        )


def hub_login(arguments: argparse.Namespace) -> None:
    from ..net.auth import log_in, log_out

    if arguments.logout:
        print("The token was removed." if log_out() else "There was no token.")
        return
    token = getpass.getpass("Access token (not shown): ") if sys.stdin.isatty() else sys.stdin.readline()
    if not token.strip():
        raise ConfigError("No token was given.", "Make one in the settings of the hub, and paste it.")
    print(f"Logged in as {log_in(token.strip())}; the token is in the keyring.")
