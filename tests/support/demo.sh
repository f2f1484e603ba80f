#!/usr/bin/env bash
# demo.sh KPID - a simulated sales floor with a Kafka of its own, a private Redis, kpid, and its wall in the terminal.
# ./dev demo calls it. DEMO_SECONDS: how long; without a terminal 30 by default, and a few frames instead of a wall.
set -euo pipefail

kpid=$(realpath "$1")
tty=
[ -t 0 ] && [ -t 1 ] && tty=1
seconds=${DEMO_SECONDS:-}
[ -n "$seconds" ] || [ -n "$tty" ] || seconds=30
folder=$(mktemp -d)
pids=()

clean_up() {
    trap '' INT TERM
    local pid
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${pids[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    echo "demo: $*" >&2
    tail -n 5 "$folder"/*.log >&2 || true
    exit 1
}

# Until a command succeeds; a minute at most.
wait_for() {
    local what=$1 until=$((SECONDS + 60))
    shift
    until "$@" >/dev/null 2>&1; do
        kill -0 "${pids[@]}" 2>/dev/null || fail "a part of it ended"
        [ $SECONDS -lt $until ] || fail "$what did not come"
        sleep 0.1
    done
}

# A socket in the folder: no port that another program may want.
redis=$folder/redis.sock
redis-server --port 0 --unixsocket "$redis" --save '' --appendonly no --dir "$folder" >"$folder/redis.log" 2>&1 &
pids+=($!)
"$kpid" simulate --host-mock --from-now --seed "${DEMO_SEED:-1}" --managers 12 --teams 3 --days 60 --records 6000 \
    --rate 25 --brokers-file "$folder/brokers" >"$folder/simulate.log" 2>&1 &
pids+=($!)
wait_for Redis redis-cli -s "$redis" ping
wait_for 'the sales floor' test -s "$folder/brokers"

cat >"$folder/kpid.yaml" <<TEXT
kafka:
  brokers: $(cat "$folder/brokers")
redis:
  socket: $redis
http:
  port: 0
alerts:
  every: 2s
  rules:
    - name: win rate
      kpi: win_rate
      dimension: manager
      window: month
      below: 35%
      clear: 38%
      sample_min: 10
TEXT
"$kpid" check --quiet "$folder/kpid.yaml"
"$kpid" run --config "$folder/kpid.yaml" >"$folder/kpid.log" 2>&1 &
pids+=($!)
published() {
    redis-cli -s "$redis" hget 'kpid:{default}:meta' state | grep -q live
}
wait_for 'the first numbers' published

if [ -n "$tty" ]; then
    ${seconds:+timeout --foreground "$seconds"} "$kpid" top --redis "$redis" || [ $? = 124 ]
else
    end=$((SECONDS + seconds))
    frames=4
    for ((i = 1; i <= frames; i++)); do
        "$kpid" top --once --redis "$redis" || fail "no picture"
        echo
        pause=$(((end - SECONDS) / (frames - i + 1)))
        [ $i = $frames ] || sleep $((pause > 0 ? pause : 1))
    done
fi
