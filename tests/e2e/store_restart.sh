#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat pub` and `cleat sub` over MQTT 5 with --store and a session that expires
# later, while the broker is stopped hard (SIGKILL) or ended (SIGTERM) in the
# middle of a stream and started again from its database, and the two are killed
# with it. Nothing may be lost; at QoS 2, from file to file, nothing may come
# twice. FAULTS and COUNT make it larger.
. "$(dirname "$0")/lib.sh"

count=${COUNT:-2000}
faults=${FAULTS:-8}
port=$(free_port)
db=$work/db
mkdir "$db"
chmod 777 "$db"
printf 'listener %s 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location %s/\nmax_queued_messages 0\nmax_inflight_messages 65000\nlog_dest stderr\nlog_type debug\n' \
    "$port" "$db" >"$work/restart.conf"
[ "$(id -u)" -ne 0 ] || echo "user root" >>"$work/restart.conf"
seq -f 'message %06.0f' "$count" >"$work/input"

broker_begin() {
    mosquitto -c "$work/restart.conf" 2>>"$work/broker.log" </dev/null &
    broker=$!
    pids+=("$broker")
    listening "$port"
}

# end SIGNAL PID: and wait until it is gone.
end() {
    kill -"$1" "$2"
    wait "$2" 2>/dev/null || true
}

# Have the broker write its database: into a new file, which is then renamed.
save() {
    local before end=$((SECONDS + 10))
    before=$(stat -c %i "$db/mosquitto.db" 2>/dev/null || echo none)
    kill -USR1 "$broker"
    until [ "$(stat -c %i "$db/mosquitto.db" 2>/dev/null || echo none)" != "$before" ]; do
        [ $SECONDS -lt $end ] || fail "the broker does not write its database"
        sleep 0.01
    done
}

# With the sync that is the default it is hardly faster than the subscriber.
pub_begin() {
    cleat pub -h 127.0.0.1 -p "$port" -V mqttv5 -x 600 -i "pub$q" -q "$q" -t "stream$q" -l \
        --store "$work/pub$q.store" 2>>"$work/pub$q.err" <&8 &
    pub=$!
    pids+=("$pub")
}

sub_begin() {
    cleat sub -h 127.0.0.1 -p "$port" -V mqttv5 -x 600 -i "sub$q" -q "$q" -t "stream$q" \
        --store "$work/sub$q.store" --store-sync none >>"$work/got$q" 2>>"$work/sub$q.err" </dev/null &
    sub=$!
    pids+=("$sub")
}

# Bytes on their way to the broker: what it has not read, what a client's socket
# still holds.
under_way() {
    awk -v port="$(printf %04X "$port")" '
        { split($2, from, ":"); split($3, to, ":"); split($5, queue, ":") }
        from[2] == port && $4 != "0A" && queue[2] !~ /^0+$/ { n++ } # 0A: it listens
        to[2] == port && queue[1] !~ /^0+$/ { n++ }
        END { print n + 0 }' /proc/net/tcp
}

# stopped PID: it is, or has ended; SIGSTOP itself does not wait for that.
stopped() {
    [ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*[TZ]' "/proc/$1/status" 2>/dev/null
}

# Mosquitto acknowledges before it writes its database, so that a SIGKILL in
# between loses what it has promised, whoever the client is: both sides are
# stopped, it reads what is under way and writes twice before it is killed.
stop_hard() {
    local end=$((SECONDS + 20))
    kill -STOP "$pub" 2>/dev/null || true
    kill -STOP "$sub"
    until stopped "$pub" && stopped "$sub" && [ "$(under_way)" = 0 ]; do
        [ $SECONDS -lt $end ] || fail "the two do not stop, or the broker does not read"
        sleep 0.01
    done
    save
    save
    end KILL "$broker"
}

# fault N: the broker goes in one of four ways, and comes back. The publisher is
# the first to be through, so it comes first.
fault() {
    case $(($1 % 4)) in
    0)
        stop_hard
        if kill -0 "$pub" 2>/dev/null; then
            end KILL "$pub"
            pub_begin # while there is no broker
            kills=$((kills + 1))
        fi
        ;;
    1) stop_hard ;;
    2) end TERM "$broker" ;;
    3)
        stop_hard
        end KILL "$sub"
        sub_begin
        ;;
    esac
    broker_begin
    kill -CONT "$pub" 2>/dev/null || true
    kill -CONT "$sub"
}

distinct() {
    sort -u "$work/got$q" | wc -l
}

# arrived COUNT: wait until the subscriber has written so many of them.
arrived() {
    local end=$((SECONDS + 60))
    until [ "$(distinct)" -ge "$1" ]; do
        [ $SECONDS -lt $end ] || fail "QoS $q: stuck at $(distinct) messages"
        sleep 0.005
    done
}

broker_begin
for q in 1 2; do
    exec 8<"$work/input"
    kills=0
    : >"$work/got$q"
    # The subscription must stand before the first message.
    cleat sub -h 127.0.0.1 -p "$port" -V mqttv5 -x 600 -c -i "sub$q" -q "$q" -t "stream$q" -E
    sub_begin
    pub_begin
    for n in $(seq 0 $((faults - 1))); do
        arrived $((count * (n + 1) / (faults + 1)))
        fault "$n"
    done
    wait "$pub" || fail "the publisher at QoS $q"
    arrived "$count"
    sleep 0.3 # what comes twice comes now
    end TERM "$sub"
    exec 8<&-
    sort -u "$work/got$q" | cmp - "$work/input" || fail "QoS $q: something was lost"
    [ $kills -gt 0 ] || fail "QoS $q: the publisher was never killed"
    twice=$(($(wc -l <"$work/got$q") - count))
    again=$(sent_anew "$work/broker.log" "sub$q")
    if [ "$q" = 2 ]; then
        [ "$twice" -le "$again" ] || fail "QoS 2: $twice came twice, $again of them by the broker's fault"
        [ "$twice" -gt 0 ] || cmp "$work/got$q" "$work/input" || fail "QoS 2: not in order"
    fi
    ok "QoS $q: broker gone $faults times: lost 0, twice $twice (sent anew by the broker after its own PUBREL: $again)"
done
