#!/bin/sh
# Tries a built program as a stranger's machine would have it: an empty environment, a fresh home, another folder, a
# program folder that nobody may write to. Without a screen, and on a screen of its own where Xvfb is installed. Then as
# stranger machines have it: no display, a home that cannot be written, no D-Bus, other locales, a path with spaces and
# umlauts, Wayland (where weston is installed).
#     sh packaging/smoke.sh [DIST]     DIST: what build.sh made, or a program's folder; without it, dist/
set -eu
dist=${1:-$(dirname "$0")/../dist}
program=$dist
[ -x "$dist/i3desk/i3desk" ] && program=$dist/i3desk
[ -x "$program/i3desk" ] || { echo "There is no i3desk in $dist. Build it: sh packaging/build.sh" >&2 && exit 1; }
program=$(cd "$program" && pwd -P)
work=$(mktemp -d)
screen= server= weston=
clean_up() {
    [ -z "$screen" ] || kill "$screen" 2>/dev/null || true
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$weston" ] || kill "$weston" 2>/dev/null || true
    chmod -R u+w "$work"
    rm -rf "$work"
}
trap clean_up EXIT
mkdir "$work/home" "$work/another folder"

# Root may write anywhere, so an unprivileged user tries it if that user can see the program.
as=
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
    if $nobody test -x "$program/i3desk" 2>/dev/null; then
        as=$nobody
        chown -R 65534:65534 "$work"
    fi
fi
clean() { # the whole environment is set here
    (cd "$work/another folder" && $as env -i HOME="$work/home" LANG=C.UTF-8 PATH=/usr/bin:/bin "$@")
}
failed() {
    echo "FAILED: $1" >&2
    [ ! -f "$work/said" ] || tail -n 20 "$work/said" >&2
    exit 1
}
check() { # what it is, then a command whose output goes to $work/said
    what=$1
    shift
    clean "$@" >"$work/said" 2>&1 </dev/null || failed "$what"
    echo "ok  $what"
}
says() { grep -q -- "$1" "$work/said" || failed "$what: it does not say $1"; }
listing() { (cd "$program" && find . -type f -printf '%p %s %T@\n' | sort | cksum); }

before=$(listing)
core=$program/i3core
check "the version" "$program/i3desk" --version
check "help" "$core" --help
check "one reply" "$core" generate --prompt "hello!" --seed 1 --json
says '"text"'
check "a conversation from a pipe" sh -c 'printf "hello\nwho are you?\n" | "$1" chat' sh "$core"
[ -s "$work/said" ] || failed "the chat said nothing"
printf '{"prompt": "ahoy", "completion": "ahoy, sailor! the sea is calm."}\n%.0s' 1 2 3 4 5 6 7 8 >"$work/home/sea.jsonl"
check "two steps of training" "$core" train --model i3-mini --data "$work/home/sea.jsonl" --out "$work/home/run" --steps 2 --batch-size 2
check "the run is listed" "$core" runs
says run
check "an adapter" "$core" train --model i3-mini --data "$work/home/sea.jsonl" --out "$work/home/lora" --steps 2 --batch-size 2 --lora-rank 4 --optimizer muon
check "a model of its own" "$core" keep "$work/home/run" sea
check "a reply of it, in int8" "$core" generate sea --prompt ahoy --precision int8
check "conversion" "$core" convert "$work/home/run/checkpoints/last" "$work/home/public" --to public
check "evaluation" "$core" eval "$work/home/public" "$work/home/sea.jsonl"
check "a vocabulary, made by several processes" "$core" vocab --data "$program/_internal/assets/data/small-talk.jsonl" --out "$work/home/tokenizer.json"
check "training from scratch" "$core" train --from-scratch tiny --data "$program/_internal/assets/data/small-talk.jsonl" --out "$work/home/scratch" --steps 2 --batch-size 2

mkfifo "$work/end" # the server ends when its input is closed
exec 9<>"$work/end"
(exec 9>&- && clean "$core" serve --port 0 --json --until-stdin-closes) >"$work/served" 2>"$work/said" <"$work/end" &
server=$!
waited=0
while ! grep -q '"url"' "$work/served" && kill -0 $server 2>/dev/null && [ $waited -lt 600 ]; do sleep 0.1 && waited=$((waited + 1)); done
port=$(sed -n 's|.*"url": "http://127.0.0.1:\([0-9]*\)/v1".*|\1|p' "$work/served")
[ -n "$port" ] || failed "the server does not start"
ask() { # what it is, the first line of a request, and its body; bash, as a bare system has no other client
    printf '%s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nContent-Type: application/json\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' \
        "$2" "$port" "${#3}" "$3" >"$work/request"
    check "$1" bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && cat "$2" >&3 && cat <&3' bash "$port" "$work/request"
    says 'HTTP/1.1 200'
}
ask "the server lists its models" "GET /v1/models" ""
says '"i3-mini"'
ask "a completion of the server" "POST /v1/completions" '{"model": "i3-mini", "prompt": "the sea is", "max_tokens": 8, "seed": 1}'
says '"text_completion"'
says '"completion_tokens":[0-9]'
ask "a streamed reply of the server" "POST /v1/chat/completions" '{"model": "i3-mini", "messages": [{"role": "user", "content": "hello!"}], "max_tokens": 8, "stream": true}'
says 'data: \[DONE\]'
exec 9>&-
wait $server || failed "the server does not end well"
server=
echo "ok  the server ends when its input does"
refused() { # what it is, the most lines it may say, then a command that must fail and say why
    what=$1 most=$2
    shift 2
    if clean "$@" >"$work/said" 2>&1 </dev/null; then failed "$what"; fi
    if grep -q Traceback "$work/said"; then failed "$what"; fi
    [ "$(wc -l <"$work/said")" -le "$most" ] || failed "$what"
    echo "ok  $what: $(tail -n 1 "$work/said")"
}
refused "a download without a network" 3 env HF_ENDPOINT=http://127.0.0.1:9 "$core" download i3-80m
for display in "" "DISPLAY=:93 QT_QPA_PLATFORM=xcb" "WAYLAND_DISPLAY=nowhere QT_QPA_PLATFORM=wayland"; do
    # shellcheck disable=SC2086
    refused "no display ($display)" 2 env $display "$program/i3desk"
    says "i3core chat"
done

smoke() { # the window: it opens, chats, trains two steps, closes, and finds the conversation again
    check "$@" "$program/i3desk" --smoke
    grep '^{' "$work/said" | tail -n 1 >"$work/json"
    for field in '"ok": true' '"messages_kept": 2' '"first_paint_s": [0-9]' '"model_ready_s": [0-9]' '"tokens_per_second": [0-9]'; do
        says "$field"
    done
    echo "    $(cat "$work/json")"
}
smoke "the window, without a screen" env QT_QPA_PLATFORM=offscreen

odd="$work/Programme für Anna"
mkdir "$odd"
cp -al "$program" "$odd/i3desk" 2>/dev/null || cp -a "$program" "$odd/i3desk"
normal=$program program=$odd/i3desk
smoke "the window in a path with spaces and umlauts, in the C locale, with a D-Bus that is gone" \
    env QT_QPA_PLATFORM=offscreen LC_ALL=C DBUS_SESSION_BUS_ADDRESS="unix:path=$work/nowhere"
for locale in POSIX tr_TR.UTF-8 de_DE.ISO-8859-1; do
    check "a reply in the locale $locale" env LC_ALL="$locale" "$program/i3core" generate --prompt "Über ÖL!" --max-new-tokens 4
done
program=$normal
mkdir "$work/read-only"
chmod 555 "$work/read-only"
if clean test -w "$work/read-only"; then
    echo "--  this user may write anywhere: a read-only home was not tried"
else
    check "a reply in a home that cannot be written" env HOME="$work/read-only" "$core" generate --prompt "hello!" --max-new-tokens 4
    smoke "the window in a home that cannot be written, with a cache elsewhere" \
        env QT_QPA_PLATFORM=offscreen HOME="$work/read-only" I3DESK_CACHE="$work/home/cache"
fi
if command -v weston >/dev/null; then
    mkdir -m 700 "$work/wayland"
    [ -z "$as" ] || chown 65534:65534 "$work/wayland"
    (exec $as env -i HOME="$work/home" XDG_RUNTIME_DIR="$work/wayland" PATH=/usr/bin:/bin \
        weston --backend=headless --socket=i3desk --idle-time=0 >"$work/weston" 2>&1) &
    weston=$!
    waited=0
    while [ ! -S "$work/wayland/i3desk" ] && [ $waited -lt 100 ]; do sleep 0.1 && waited=$((waited + 1)); done
    smoke "the window on Wayland" env QT_QPA_PLATFORM=wayland WAYLAND_DISPLAY=i3desk XDG_RUNTIME_DIR="$work/wayland"
else
    echo "--  weston is not installed: not tried on Wayland"
fi
if command -v Xvfb >/dev/null; then
    Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp 3>"$work/display" 2>/dev/null &
    screen=$!
    waited=0
    while [ ! -s "$work/display" ] && [ $waited -lt 100 ]; do sleep 0.1 && waited=$((waited + 1)); done
    smoke "the window on a screen" env DISPLAY=":$(cat "$work/display")"
else
    echo "--  Xvfb is not installed: not tried on a screen"
fi
[ "$(listing)" = "$before" ] || failed "the program's folder was changed"
echo "ok  nothing was written into the program's folder"
