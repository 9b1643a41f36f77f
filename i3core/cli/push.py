"""`i3core push` and `i3core hub-login`: upload a model to the Hugging Face hub."""

from __future__ import annotations

import argparse
import getpass
import sys

from ..errors import ConfigError
from ..system.humanize import size_text
from .options import Commands, add_command, add_json
from .output import print_json

PUSH_EPILOG = (
    "Needs an access token with write permission: i3core hub-login, or HF_TOKEN. An interrupted upload continues where "
    "it stopped. For a folder that also loads without i3core: i3core convert --to transformers."
)


def add_push(commands: Commands) -> None:
    summary = "upload a model to the Hugging Face hub, with a card that describes it"
    parser = add_command(commands, "push", push, summary, epilog=PUSH_EPILOG)
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="model or run folder, or the name of a model")
    add("repo", metavar="REPO", help="OWNER/NAME on the hub; created if it does not exist")
    add("--private", action="store_true", help="create it as private; refused if it exists and is public")
    add("--revision", default="main", metavar="BRANCH", help="branch to upload to (default: %(default)s)")
    add("--license", default="", metavar="NAME", help="for the card, such as apache-2.0 (default: the model's own)")
    add("--message", default="", metavar="TEXT", help="commit message")
    add("--dry-run", action="store_true", help="show the card and the files, and upload nothing")
    add_json(parser)


def add_hub_login(commands: Commands) -> None:
    summary = "save an access token of the Hugging Face hub in the system's keyring"
    parser = add_command(commands, "hub-login", hub_login, summary)
    parser.add_argument("--logout", action="store_true", help="remove the token")


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
        size = size_text(sum(plan.sizes.values()))
        print(f"{done.url}: {size} in {len(plan.sizes)} files, commit {done.commit[:8]}")


def hub_login(arguments: argparse.Namespace) -> None:
    from ..net.auth import log_in, log_out

    if arguments.logout:
        print("The token was removed." if log_out() else "There was no token.")
        return
    token = getpass.getpass("Access token (not shown): ") if sys.stdin.isatty() else sys.stdin.readline()
    if not token.strip():
        raise ConfigError("No token was given.", "Create one in the settings of the hub, and paste it.")
    print(f"Logged in as {log_in(token.strip())}; the token is in the keyring.")
