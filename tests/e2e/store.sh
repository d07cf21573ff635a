#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --store of `cleat pub` and `cleat sub`: both killed with SIGKILL at random in
# the middle of a stream, and started again until all is through. Nothing may
# be lost; at QoS 2, from file to file, nothing may come twice. SEED repeats a
# run.
. "$(dirname "$0")/lib.sh"

RANDOM=${SEED:-$((RANDOM + 1))}
echo "seed: ${SEED:-unset}"
port=$(free_port)
broker main "$port" 'allow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 20'
P=(-h 127.0.0.1 -p "$port")
log=$work/main.err
count=3000
seq -f 'message %06.0f' "$count" >"$work/input"

# again NAME COMMAND...: start it until it ends by itself; kill it now and then.
# The first time once its store has a message: what it had read of its input and
# not kept would be lost, and in a fixed time it may be through. Then between 60
# and 260 ms of life each; after 15 as long as it needs. --foreground: timeout
# waits until the killed one is gone and has let go of its store.
again() {
    local name=$1 kills=0 code pid
    shift
    "$@" <&0 2>>"$work/$name.err" & # <&0: bash gives a background job no input
    pid=$!
    until grep -aq 'message 000001' "$work/$name.store" 2>/dev/null || ! kill -0 "$pid" 2>/dev/null; do sleep 0.005; done
    kill -KILL "$pid" 2>/dev/null || true
    code=0
    wait "$pid" 2>/dev/null || code=$?
    while [ $code != 0 ]; do
        # 124: it had ended by itself when its time ran out.
        [ $code = 137 ] || [ $code = 124 ] || fail "$name ended with $code"
        kills=$((kills + 1))
        code=0
        if [ $kills -lt 15 ]; then
            timeout --foreground -s KILL "0.$(printf %03d $((60 + RANDOM % 200)))" "$@" 2>>"$work/$name.err" || code=$?
        else
            "$@" 2>>"$work/$name.err" || code=$?
        fi
    done
    echo "$kills" >"$work/$name.kills"
}

# keep NAME LAST COMMAND...: a publisher that meets no broker, killed once its
# store has that text.
keep() {
    local name=$1 text=$2
    shift 2
    "$@" <&0 2>"$work/$name.err" & # <&0: bash gives a background job no input
    local pid=$!
    pids+=("$pid")
    expect "$work/$name.store" "$text" 60
    expect "$work/$name.err" 'trying again'
    kill -KILL "$pid"
    wait "$pid" && fail "$name published to nobody"
    return 0
}

killed=0
for q in 1 2 5; do
    # 5: QoS 2 over MQTT 5, whose session must outlive the connection.
    version=mqttv311 qos=$q
    [ $q != 5 ] || { version=mqttv5 qos=2; }
    # The subscription must stand before the first message.
    cleat sub "${P[@]}" -i "sub$q" -c -V $version -q $qos -t "stream$q" -E
    : >"$work/got$q"
    again "pub$q" cleat pub "${P[@]}" -i "pub$q" -V $version -q $qos -t "stream$q" -l --store "$work/pub$q.store" --store-sync none <"$work/input" &
    pub=$!
    pids+=("$pub")
    # A reader that is killed and started again, until it has all; a life that
    # has brought little news makes the next ones longer: the broker sends all
    # anew that it has not read an acknowledgement of.
    kills=0 longer=0 had=0 has=0 end=$((SECONDS + 150))
    until [ "$has" -ge $count ]; do
        code=0
        life=$((100 + RANDOM % 400 + longer))
        timeout --foreground -s KILL "$((life / 1000)).$(printf %03d $((life % 1000)))" \
            cleat sub "${P[@]}" -i "sub$q" -V $version -q $qos -t "stream$q" --store "$work/sub$q.store" --store-sync none \
            >>"$work/got$q" 2>>"$work/sub$q.err" || code=$?
        [ $code = 137 ] || [ $code = 124 ] || fail "sub at QoS $q ended with $code"
        kills=$((kills + 1))
        has=$(sort -u "$work/got$q" | wc -l)
        [ $((has - had)) -ge 50 ] || longer=$((longer + longer / 4 + 50))
        had=$has
        [ $SECONDS -lt $end ] || fail "QoS $q: $has of $count after $kills kills"
    done
    wait "$pub" || fail "the publisher at QoS $q"
    killed=$((killed + $(cat "$work/pub$q.kills")))
    sort -u "$work/got$q" | cmp - "$work/input" || fail "QoS $q: something was lost"
    twice=$(($(wc -l <"$work/got$q") - count))
    anew=$(sent_anew "$log" "sub$q")
    if [ $qos = 2 ]; then
        [ $twice -le "$anew" ] || fail "QoS 2 ($version): $twice came twice, $anew of them by the broker's fault"
        [ $twice -gt 0 ] || cmp "$work/got$q" "$work/input" || fail "QoS 2 ($version): not in order"
    fi
    ok "QoS $qos, $version: publisher killed $(cat "$work/pub$q.kills") times, subscriber $kills times: lost 0, twice $twice (sent anew by the broker after its own PUBREL: $anew)"
done
[ $killed -gt 0 ] || fail "the publisher was never killed"

# --- the broker is away -------------------------------------------------------
away=$(free_port)
seq -f 'kept %02.0f' 50 >"$work/late.in"
keep late 'kept 50' cleat pub -h 127.0.0.1 -p "$away" -i late -q 1 -t late -l --store "$work/late.store" <"$work/late.in"
broker second "$away" 'allow_anonymous true'
background late mosquitto_sub -h 127.0.0.1 -p "$away" -i reader -q 1 -t late -C 51 -W 20
late=$last
expect "$work/second.err" 'Sending SUBACK to reader'
status 0 cleat pub -h 127.0.0.1 -p "$away" -i late -q 1 -t late -m last --store "$work/late.store"
wait "$late" || fail "not all that was accepted arrived"
{ cat "$work/late.in" && echo last; } | cmp - "$work/late.out" || fail "not in order"
ok "what was accepted without a broker goes out later, in order"

# --- what is not written is not acknowledged ----------------------------------
for v in 311 5; do
    for q in 1 2; do
        id=full$v$q
        S=(cleat sub "${P[@]}" -V $v -i $id -q $q -t $id --store "$work/$id.store")
        status 0 "${S[@]}" -E
        for m in one two three four; do mosquitto_pub "${P[@]}" -q $q -t $id -m $m; done
        code=0
        "${S[@]}" -C 4 >/dev/full 2>"$work/full.err" || code=$?
        [ $code = 1 ] || fail "a full disk ended with $code"
        grep -q 'No space left' "$work/full.err" || fail "no words about the full disk"
        for m in one two; do
            status 0 "${S[@]}" -C 1 -W 10
            [ "$(cat "$work/cmd.out")" = $m ] || fail "not $m but $(cat "$work/cmd.out")"
        done
        # The same without a store: the broker keeps what -C leaves.
        for m in three four; do
            status 0 cleat sub "${P[@]}" -V $v -i $id -c -q $q -t $id -C 1 -W 10
            [ "$(cat "$work/cmd.out")" = $m ] || fail "not $m but $(cat "$work/cmd.out")"
        done
    done
done
ok "a message that could not be written comes again, and so do those behind -C"

# A reader that leaves in the middle of a message is no error.
head -c 3000000 /dev/zero >"$work/large"
{
    code=0
    cleat sub "${P[@]}" -i leaver -t leaver 2>"$work/leaver.err" || code=$?
    echo $code >"$work/leaver.code"
} | head -c 10 >/dev/null &
pids+=("$!")
expect "$log" 'Sending SUBACK to leaver'
mosquitto_pub "${P[@]}" -t leaver -f "$work/large"
expect "$work/leaver.code" '^0$'
[ ! -s "$work/leaver.err" ] || fail "words about a reader that left"
ok "a reader of standard output may leave in the middle of a message"

# --- a connection that breaks within a message ---------------------------------
# The first connection through this breaks after 1.5 MB from the broker.
cutter() {
    exec python3 - "$1" "$port" <<'END'
import socket, sys, threading
def pump(a, b, most):
    try:
        while most > 0 and (data := a.recv(65536)):
            b.sendall(data)
            most -= len(data)
    except OSError:
        pass
    for end in (a, b):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
most = 1500000
while True:
    client = listener.accept()[0]
    broker = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    threading.Thread(target=pump, args=(client, broker, 1 << 30), daemon=True).start()
    threading.Thread(target=pump, args=(broker, client, most), daemon=True).start()
    most = 1 << 30
END
}
through=$(free_port)
background cutter cutter "$through"
expect "$work/cutter.out" listening
S=(cleat sub -i cut -q 2 -t cut --store "$work/cut.store" -v)
status 0 "${S[@]}" "${P[@]}" -E
mosquitto_pub "${P[@]}" -q 2 -t cut -f "$work/large"
mosquitto_pub "${P[@]}" -q 2 -t cut -m next
"${S[@]}" -h 127.0.0.1 -p "$through" -C 2 >>"$work/cut.got" 2>"$work/cut.err" || fail "the cut subscriber ended with $?"
grep -q 'connection lost' "$work/cut.err" || fail "nothing was cut"
{ printf 'cut ' && cat "$work/large" && printf '\ncut next\n'; } | cmp - "$work/cut.got" || fail "half a message stayed in the file"
ok "what a lost connection left of a message in a file is taken back"

# --- a publisher that is stopped at a packet of its own -------------------------
# Forwards one connection; when what the publisher sends begins (^) or ends ($)
# with these bytes, the process whose id is in that file gets that signal first.
catcher() {
    exec python3 - "$port" "$@" <<'END'
import os, signal, socket, sys, threading
def pump(a, b, first):
    try:
        while data := a.recv(65536):
            if first and (data.startswith if sys.argv[3][0] == "^" else data.endswith)(first):
                try:
                    with open(sys.argv[4]) as f:
                        os.kill(int(f.read()), signal.Signals[sys.argv[5]])
                except ProcessLookupError:
                    pass # It has ended: the caller sees that.
                print("caught", flush=True)
                first = b""
            b.sendall(data)
    except OSError:
        pass
    os._exit(0)
listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
print("listening", flush=True)
client = listener.accept()[0]
broker = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
threading.Thread(target=pump, args=(broker, client, b""), daemon=True).start()
pump(client, broker, bytes.fromhex(sys.argv[3][1:]))
END
}
# caught NAME BYTES SIGNAL: a publisher of the lines, its id in $caught.
caught() {
    local through
    through=$(free_port)
    background "catch-$1" catcher "$through" "$2" "$work/$1.pid" "$3"
    expect "$work/catch-$1.out" listening
    (
        echo "$BASHPID" >"$work/$1.pid"
        exec cleat pub -h 127.0.0.1 -p "$through" -i "$1" -q 1 -t "$1" -l --store "$work/$1.store" \
            --store-sync none <"$work/lines" 2>"$work/$1.err"
    ) &
    caught=$!
    pids+=("$caught")
    expect "$work/catch-$1.out" caught 60
}
seq -f 'line %06.0f' 5400 >"$work/lines"

for try in 1 2 3 4 5; do # until the signal comes in time
    name=slow$try
    caught $name ^32 SIGSTOP
    kept=$(grep -ao 'line [0-9]\{6\}' "$work/$name.store" | sort -u | wc -l)
    kill -CONT "$caught"
    wait "$caught" || fail "the stopped publisher ended with $?"
    [ "$(grep -c "Received PUBLISH from $name " "$log")" = 5400 ] || fail "not each line once"
    [ "$kept" -ge 5000 ] || break
done
[ "$kept" -lt 5000 ] || fail "$kept lines were taken before the first went out"
ok "the first line goes out before all of the input is taken ($kept of 5400 were)"

# The signal may come when it has ended, or is about to: then once more.
killed=0 met=""
for try in 1 2 3 4 5 6 7 8 9 10; do
    name=done$try
    caught $name '$e000' SIGKILL
    ! wait "$caught" || continue
    killed=$((killed + 1))
    cleat pub "${P[@]}" -i $name -q 1 -t $name -l --store "$work/$name.store" <"$work/lines" 2>"$work/$name.err" ||
        fail "the next call ended with $?"
    grep -q 'going on at byte 64800 ' "$work/$name.err" || continue
    met=$name
    break
done
if [ -n "$met" ]; then
    [ "$(grep -c "Received PUBLISH from $met " "$log")" = 5400 ] || fail "what was acknowledged went out again"
    ok "killed when all was acknowledged: the next call begins nothing anew"
elif [ $killed -gt 4 ]; then
    fail "what was acknowledged went out again, $killed times"
else
    echo "left out: a kill between DISCONNECT and the end, which this machine is too fast for ($killed of $try met)"
fi

# --- a message larger than what the next call sends ------------------------------
nobody=$(free_port)
for next in pub sub; do
    size=20000000
    [ $next = pub ] || size=200000
    { head -c $size /dev/zero && echo "end $next"; } >"$work/huge"
    keep huge "end $next" cleat pub -h 127.0.0.1 -p "$nobody" -i huge$next -q 1 -t huge -f "$work/huge" --store "$work/huge.store"
    if [ $next = pub ]; then
        status 0 cleat pub "${P[@]}" -i huge$next -q 1 -t huge -m small --store "$work/huge.store"
    else
        status 0 cleat sub "${P[@]}" -i huge$next -q 1 -t huge/none --store "$work/huge.store" -W 30 -E
    fi
done
grep -q "Received PUBLISH from hugepub .*20000008 bytes" "$log" || fail "the kept message did not go out"
ok "a kept message may be larger than those of the next call"

# --- a medium that rots ----------------------------------------------------------
seq -f 'rested %03.0f' 300 >"$work/rested.in"
rested=(-i rested -q 1 -t rested --store "$work/rested.store")
keep rested 'rested 300' cleat pub -h 127.0.0.1 -p "$nobody" "${rested[@]}" -l --store-sync none <"$work/rested.in"
at=$(grep -abo 'rested 150' "$work/rested.store" | cut -d: -f1)
dd if=/dev/zero of="$work/rested.store" bs=1 count=4 seek="$at" conv=notrunc status=none
status 1 cleat pub "${P[@]}" "${rested[@]}" -m last
grep -q 'damaged records, left out: 1; messages may be lost' "$work/cmd.err" || fail "no words about what was left out"
[ "$(grep -c 'Received PUBLISH from rested' "$log")" = 300 ] || fail "the others did not go out"
status 0 cleat pub "${P[@]}" "${rested[@]}" -m next
[ ! -s "$work/cmd.err" ] || fail "told twice: $(cat "$work/cmd.err")"
ok "a kept message that was damaged meanwhile is told once, and in the exit status"

seq -f 'rotten %04.0f' 2000 >"$work/rotten.in"
rotten=$(free_port)
R=(cleat pub -h 127.0.0.1 -p "$rotten" -i rotten -q 1 -t rotten --store "$work/rotten.store")
keep rotten 'rotten 2000' "${R[@]}" -l --store-sync none <"$work/rotten.in"
rm "$work/rotten.err" # the words below are this one's
background rotten "${R[@]}" -m last
rotting=$last
expect "$work/rotten.err" 'trying again'
at=$(grep -abo 'rotten 1500' "$work/rotten.store" | cut -d: -f1)
dd if=/dev/zero of="$work/rotten.store" bs=1 count=4 seek="$at" conv=notrunc status=none
broker third "$rotten" 'allow_anonymous true'
code=0
wait "$rotting" || code=$?
[ $code = 1 ] || fail "messages were lost, and the status is $code"
grep -q 'messages damaged in it, and lost: 1$' "$work/rotten.err" || fail "no words about what was lost: $(cat "$work/rotten.err")"
[ "$(grep -c 'Received PUBLISH' "$work/third.err")" = 2000 ] || fail "the others did not go out"
status 0 "${R[@]}" -m next
ok "a kept message that cannot be read any more is told, and in the exit status"

# --- no room in the store --------------------------------------------------------
for v in 311 5; do
    code=0
    (trap '' XFSZ && ulimit -f 8 && exec cleat pub "${P[@]}" -V $v -i room$v -q 1 -t room -f "$work/lines" \
        --store "$work/room$v.store" 2>"$work/room.err") || code=$?
    [ $code = 1 ] || fail "a message that the store has no room for: status $code"
    grep -q 'store has no room for it: its disk is full' "$work/room.err" || fail "not told that: $(cat "$work/room.err")"
    status 0 cleat pub "${P[@]}" -V $v -i room$v -q 1 -t room -m small --store "$work/room$v.store"
done
ok "a message that the store has no room for is told as that"

# --- calls ---------------------------------------------------------------------
status 1 cleat pub "${P[@]}" -q 1 -t a -m x --store "$work/x"
grep -q -- '--store needs a client ID' "$work/cmd.err" || fail "--store without -i"
status 1 cleat pub "${P[@]}" -q 1 -t a -m x -i x --store "$work/input"
grep -q 'no store' "$work/cmd.err" || fail "another file is taken for a store"
cmp -s <(seq -f 'message %06.0f' "$count") "$work/input" || fail "the file was changed"
status 1 cleat pub "${P[@]}" -q 1 -t a -m x -i x --store /nonexistent/x
status 1 cleat pub "${P[@]}" -q 1 -t a -m x -i x --store "$work/x" --store-sync maybe
background holder cleat sub "${P[@]}" -i holder -t a --store "$work/one.store"
expect "$log" 'Sending SUBACK to holder'
status 1 cleat pub "${P[@]}" -q 1 -t a -m x -i x --store "$work/one.store"
grep -q 'another process' "$work/cmd.err" || fail "two processes with one store"
for mode in all accepted none; do
    status 0 cleat pub "${P[@]}" -q 2 -t a -m x -i x --store "$work/x" --store-sync $mode
done
[ "$(stat -c %a "$work/x")" = 600 ] || fail "the store can be read by others"
ok "--store needs an ID, leaves other files alone, belongs to one process"
