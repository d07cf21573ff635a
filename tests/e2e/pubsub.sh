#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat pub`, `cleat sub` and `cleat chip` beside mosquitto_pub and
# mosquitto_sub: the same traffic must give the same bytes and exit statuses.
. "$(dirname "$0")/lib.sh"

make_ca ca
make_ca other
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
issue ca observer 'extendedKeyUsage=clientAuth'
make_ca factory
for n in a b; do
    cleat-chipsim --dir "$work/chip-$n" --print-info --ca-cert "$work/factory.pem" \
        --ca-key "$work/factory.key" >"$work/made-$n.out"
done
cleat chip info --chip "sim:$work/chip-a" >"$work/info-a.out"
cleat chip info --chip "sim:$work/stranger" >"$work/info-stranger.out" # a CA of its own
cat "$work"/{ca,factory}.pem >"$work/clients.pem"
printf 'joe:secret\n' >"$work/users"
mosquitto_passwd -U "$work/users" 2>/dev/null
chmod 644 "$work/users"

plain=$(free_port)
start_plain() {
    broker plain "$plain" 'allow_anonymous true\nmax_queued_messages 0\nmessage_size_limit 0'
    plain_pid=$last
}
start_plain
tls=$(free_port)
broker tls "$tls" "cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
login=$(free_port)
broker login "$login" "allow_anonymous false\npassword_file $work/users"
noid=$(free_port)
broker noid "$noid" 'allow_anonymous true\nallow_zero_length_clientid false'

P=(-h 127.0.0.1 -p "$plain")
log=$work/plain.err

# same WHAT FILE FILE
same() {
    cmp -s "$2" "$3" || {
        diff -a "$2" "$3" | head -20 | cut -c 1-200 >&2 || true
        fail "$1: $2 and $3 differ"
    }
}
subscribed() { # subscribed ID [LOG]: the broker has answered it
    expect "${2:-$log}" "Sending SUBACK to $1\$"
}
ended() { # ended PID WANT WHAT
    local code=0
    wait "$1" || code=$?
    [ "$code" = "$2" ] || fail "$3 ended with $code, not $2"
}

# --- what arrives ----------------------------------------------------------
for i in $(seq 0 255); do printf '%b' "\\x$(printf %02x "$i")"; done >"$work/bytes"
for _ in $(seq 4096); do cat "$work/bytes"; done >"$work/mega" # 1 MiB
variants=('' '-v' '-N' '-v -N')
for q in 0 1 2; do
    names=()
    waits=()
    for v in 0 1 2 3; do
        read -ra flags <<<"${variants[$v]}"
        for tool in mosquitto_sub 'cleat sub'; do
            name=${tool%% *}-$q-$v
            background "$name" $tool "${P[@]}" -i "$name" -q "$q" "${flags[@]}" \
                -t 'in/#' -T 'in/not/+' -C 8 -W 60
            names+=("$name")
            waits+=("$last")
        done
    done
    for name in "${names[@]}"; do subscribed "$name"; done
    send() { mosquitto_pub "${P[@]}" -q "$q" "$@"; }
    send -t in/text -m 'hello world'
    send -t in/empty -n
    send -t in/not/this -m 'left out'
    send -t in/bytes -f "$work/bytes"
    send -t 'in/ünï/→' -m 'grüße'
    send -t in/mega -f "$work/mega"
    send -t in/lines -m $'two\nlines\n'
    send -t in/blank -m ' '
    send -t in -m 'the parent level'
    for pid in "${waits[@]}"; do ended "$pid" 0 "a subscriber at QoS $q"; done
    for v in 0 1 2 3; do
        same "QoS $q ${variants[$v]}" "$work/mosquitto_sub-$q-$v.out" "$work/cleat-$q-$v.out"
    done
done
[ "$(stat -c %s "$work/cleat-0-0.out")" -gt 1048576 ] || fail "1 MiB did not arrive"
ok "sub writes the bytes of mosquitto_sub at each QoS, plain, -v, -N; -T leaves out; 1 MiB"

# --- what is sent ----------------------------------------------------------
seq 1000 | sed 's/$/ line/' >"$work/thousand"
printf 'one\r\n\n  two \nlast without end' >"$work/odd"
head -c 70000 /dev/zero | tr '\0' 'w' >"$work/wide" # longer than one read
for who in mosquitto cleat; do
    background "got-$who" mosquitto_sub "${P[@]}" -i "got-$who" -q 2 -t "got/$who" -F '%q %r %l %X'
    subscribed "got-$who"
done
calls=0 id=
both() { # both INPUT ARGS...: the same with each tool
    local input=$1
    shift
    mosquitto_pub "${P[@]}" ${id:+-i "mosquitto$id"} -t got/mosquitto "$@" <"$input" || fail "mosquitto_pub $*"
    cleat pub "${P[@]}" ${id:+-i "cleat$id"} -t got/cleat "$@" <"$input" || fail "cleat pub $*"
}
both_through() { # and the broker has read it all: at QoS 0 nobody else says so
    local id=$((calls += 1))
    both "$@"
    expect "$log" "Received DISCONNECT from mosquitto$id\$"
    expect "$log" "Received DISCONNECT from cleat$id\$"
}
for q in 0 1 2; do
    both_through /dev/null -q "$q" -m 'some text'
    both_through /dev/null -q "$q" -m ''
    both_through /dev/null -q "$q" -n
    both_through "$work/bytes" -q "$q" -s
    both_through /dev/null -q "$q" -f "$work/mega"
    both_through "$work/odd" -q "$q" -l
    both_through "$work/thousand" -q "$q" -l
    both_through "$work/wide" -q "$q" -l
done
# QoS 2 is shown at PUBREL, so a QoS 1 behind it may come first.
both /dev/null -q 2 -m 'so far'
for who in mosquitto cleat; do expect "$work/got-$who.out" '^2 0 6 736F20666172$'; done
both /dev/null -q 1 -m again --repeat 3 --repeat-delay 0.05
both /dev/null -m 'kept' -r -q 1 -u joe -P any -k 30 -V mqttv311 -I prefix-
both /dev/null -m 'the end' -q 2
for who in mosquitto cleat; do expect "$work/got-$who.out" '^2 0 7 74686520656E64$'; done
same "what was published" "$work/got-mosquitto.out" "$work/got-cleat.out"
[ "$(grep -c '6C696E65$' "$work/got-cleat.out")" = 3000 ] || fail "not all lines arrived"
[ "$(mosquitto_sub "${P[@]}" -t got/cleat -C 1 -W 20 -F '%r %p')" = '1 kept' ] || fail "-r is not retained"
expect "$log" 'as prefix-[0-9]+ .*k30, u.joe' 0
expect "$log" 'as cleat-[a-z0-9]{16} ' 0
ok "pub sends what mosquitto_pub sends at each QoS: -m -n -s -f -l (1000 lines) -r --repeat; 1 MiB"

# A line of -l goes out when it comes, not at the end of the input.
mkfifo "$work/typed"
cleat pub "${P[@]}" -i typist -t typed -l -q 1 <"$work/typed" >"$work/typist.out" 2>&1 &
typist=$!
pids+=("$typist")
exec 9>"$work/typed"
background typed mosquitto_sub "${P[@]}" -i reader -t typed 9>&-
subscribed reader
echo first >&9
expect "$work/typed.out" '^first$'
echo second >&9
expect "$work/typed.out" '^second$'

# --- a lost connection -----------------------------------------------------
background stays cleat sub "${P[@]}" -i stays -t stay -C 1 9>&-
stays=$last
subscribed stays
kill "$plain_pid"
wait "$plain_pid" || true
expect "$work/stays.err" 'connection lost.*trying again in'
expect "$work/typist.out" 'connection lost.*trying again in'
start_plain 9>&-
subscribed stays
background typed2 mosquitto_sub "${P[@]}" -i reader2 -t typed -C 1 -W 40 9>&-
typed2=$last
subscribed reader2
echo third >&9
ended "$typed2" 0 'the reader after the restart'
exec 9>&-
ended "$typist" 0 'pub -l'
mosquitto_pub "${P[@]}" -t stay -m 'after the restart' -q 1
ended "$stays" 0 'sub after the restart'
[ "$(cat "$work/stays.out")" = 'after the restart' ] || fail "sub did not come back"
ok "pub -l sends each line as it comes; sub and pub -l come back after a broker restart"

# --- retained, sessions, will, ends ---------------------------------------
mosquitto_pub "${P[@]}" -t keep/1 -m old1 -r
mosquitto_pub "${P[@]}" -t keep/2 -m old2 -r
ends=()
for tool in mosquitto_sub 'cleat sub'; do
    name=${tool%% *}
    background "stale-$name" $tool "${P[@]}" -i "stale-$name" -t 'keep/#' -R -v -C 1 -W 30
    ends+=("$last")
    background "only-$name" $tool "${P[@]}" -i "only-$name" -t 'keep/#' --retained-only -v -W 30
    ends+=("$last")
    background "unsub-$name" $tool "${P[@]}" -i "unsub-$name" -t 'u/1' -t 'u/2' -U 'u/1' -C 1 -W 30
    ends+=("$last")
    background "acked-$name" $tool "${P[@]}" -i "acked-$name" -t 'e/1' -E
    ends+=("$last")
    background "late-$name" $tool "${P[@]}" -i "late-$name" -t silent -W 1
    declare "late_${name}=$last"
    for n in stale only unsub; do subscribed "$n-$name"; done
    expect "$log" "Sending UNSUBACK to unsub-$name"
done
mosquitto_pub "${P[@]}" -t u/1 -m 'not this'
mosquitto_pub "${P[@]}" -t u/2 -m 'but this'
mosquitto_pub "${P[@]}" -t keep/1 -m new
for pid in "${ends[@]}"; do ended "$pid" 0 'sub with -R, --retained-only, -U or -E'; done
for n in stale only unsub acked; do
    expect "$log" "Received DISCONNECT from $n-mosquitto_sub"
    expect "$log" "Received DISCONNECT from $n-cleat"
    same "$n" "$work/$n-mosquitto_sub.out" "$work/$n-cleat.out"
done
# shellcheck disable=SC2154
ended "$late_mosquitto_sub" 27 'mosquitto_sub -W'
# shellcheck disable=SC2154
ended "$late_cleat" 27 'cleat sub -W'
expect "$work/late-cleat.err" 'timed out' 0
ok "-R, --retained-only, -U, -E and -W do what the original's do"

for tool in mosquitto_sub 'cleat sub'; do
    name=${tool%% *}
    status 0 $tool "${P[@]}" -c -i "durable-$name" -q 1 -t durable -E
    mosquitto_pub "${P[@]}" -t durable -q 1 -m "while $name was away"
    status 0 $tool "${P[@]}" -c -i "durable-$name" -q 1 -t durable -C 1 -W 20
    [ "$(cat "$work/cmd.out")" = "while $name was away" ] || fail "$name: session not kept"
done
ok "-c keeps the session: what came meanwhile arrives"

# Each packet as a line: the same lines, though acknowledgements may be sent
# after the message is written.
mosquitto_pub "${P[@]}" -t debug/2 -q 2 -r -m 'seen'
for q in 0 1 2; do
    mosquitto_sub "${P[@]}" -i debug -d -v -t debug/0 -t debug/2 -U debug/0 -q "$q" -C 1 2>&1 | sort >"$work/debug-m"
    cleat sub "${P[@]}" -i debug -d -v -t debug/0 -t debug/2 -U debug/0 -q "$q" -C 1 2>&1 | sort >"$work/debug-c"
    same "sub -d, QoS $q" <(grep -v 'PUBREL\|PUBCOMP\|UNSUBACK' "$work/debug-m") \
        <(grep -v 'PUBREL\|PUBCOMP\|UNSUBACK' "$work/debug-c")
    mosquitto_pub "${P[@]}" -i debug -d -t debug/p -q "$q" -m x 2>&1 | sed "s/q0, r0, m1/q0, r0, m0/" >"$work/debug-m"
    cleat pub "${P[@]}" -i debug -d -t debug/p -q "$q" -m x >"$work/debug-c" 2>&1
    same "pub -d, QoS $q" "$work/debug-m" "$work/debug-c"
done
# MQTT 5 has properties in front of what is shown.
for tool in mosquitto_sub 'cleat sub'; do
    name=debug5-${tool%% *}
    background "$name" $tool "${P[@]}" -i "$name" -d -v -V mqttv5 -t debug/5 -t debug/6 -U debug/6 -q 1 -C 1 \
        -D subscribe user-property a b -D unsubscribe user-property c d
    five=$last
    subscribed "$name"
    mosquitto_pub "${P[@]}" -V mqttv5 -q 1 -t debug/5 -m five -D publish user-property e f -D publish content-type text
    ended "$five" 0 "$tool -d over MQTT 5"
    grep -v UNSUBACK "$work/$name.out" | sed "s/$name/debug5/" | sort >"$work/$name.sorted"
done
same "sub -d, MQTT 5" "$work/debug5-mosquitto_sub.sorted" "$work/debug5-cleat.sorted"
ok "-d shows the lines of the originals"

background will mosquitto_sub "${P[@]}" -i willwatch -t 'will/#' -v
subscribed willwatch
will=(--will-payload gone --will-qos 1 --will-retain)
background killed cleat sub "${P[@]}" -i killed -t x --will-topic will/kill "${will[@]}"
killed=$last
for sig in INT TERM; do
    background "sig$sig" cleat sub "${P[@]}" -i "sig$sig" -t 'bye/#' --will-topic "will/$sig" "${will[@]}"
    pid=$last
    subscribed "sig$sig"
    mosquitto_pub "${P[@]}" -t bye/1 -m "to sig$sig"
    expect "$work/sig$sig.out" "to sig$sig"
    kill -"$sig" "$pid"
    ended "$pid" 0 "sub after SIG$sig"
    expect "$log" "Received DISCONNECT from sig$sig"
done
subscribed killed
kill -KILL "$killed"
wait "$killed" 2>/dev/null || true
expect "$work/will.out" '^will/kill gone$'
refuse "$work/will.out" 'will/(INT|TERM)'
[ "$(mosquitto_sub "${P[@]}" -t will/kill -C 1 -W 20 -F '%r %p')" = '1 gone' ] || fail "will not retained"
cleat pub "${P[@]}" -t x -m x --will-topic will/pub "${will[@]}"
refuse "$work/will.out" 'will/pub'
ok "the will comes on a kill; SIGINT and SIGTERM end with DISCONNECT and without it"

(
    code=0
    cleat sub "${P[@]}" -i piped -t pipe || code=$?
    echo "$code" >"$work/piped.code"
) 2>"$work/piped.err" | head -n 1 >"$work/piped.out" &
pids+=("$!")
subscribed piped
mosquitto_pub "${P[@]}" -t pipe -m one
expect "$log" 'Received DISCONNECT from piped'
expect "$work/piped.code" '^0$'
[ ! -s "$work/piped.err" ] || fail "a closed pipe is no error"
code=0
mosquitto_pub "${P[@]}" -t full -m x -r
cleat sub "${P[@]}" -t full >/dev/full 2>"$work/full.err" || code=$?
[ "$code" = 1 ] || fail "a full disk went unnoticed"
expect "$work/full.err" 'standard output: ' 0
ok "a closed pipe ends quietly, a full disk does not"

# --- failures --------------------------------------------------------------
# compare TOOL ARGS...: both fail with the same status, ours says why.
compare() {
    local tool=$1 theirs=0 ours=0
    shift
    "mosquitto_$tool" "$@" >"$work/theirs.out" 2>&1 </dev/null || theirs=$?
    cleat "$tool" "$@" >"$work/ours.out" 2>"$work/ours.err" </dev/null || ours=$?
    [ "$theirs" = "$ours" ] || fail "$tool $*: mosquitto ends with $theirs, cleat with $ours"
    [ "$ours" != 0 ] || fail "$tool $*: did not fail"
    grep -q '^cleat: ' "$work/ours.err" || fail "$tool $*: no words"
}
before=$(wc -l <"$log")
for args in '-t a/# -m x' '-t a/+/b -m x' '-m x' '-t a' '-t a -m x -q 3' '-t a -m x -n' \
    '-t a -f /nonexistent' '-t a -s' '-t a -m x -c' '-t a -m x -k 2' '-t a -m x -i i -I p' \
    '-t a -m x --will-payload z' '-t a -m x --will-topic w/#' '-t a -m x --nonsense' \
    '-t a -m x -i' '-t a -m x -V 9' '-t a -m x -P p' '-t a -m x surplus' '-t a -m x -p 70000'; do
    # shellcheck disable=SC2086
    compare pub "${P[@]}" $args
done
for args in '-t a/#/b' '-t a+' '' '-t a -C 0' '-t a -W 0' '-t a -q 7' '-t a -U b/#/c' \
    '-t a -T b#' '-t a -R --retained-only'; do
    # shellcheck disable=SC2086
    compare sub "${P[@]}" $args
done
compare pub "${P[@]}" -t "$(printf 'bad\xff')" -m x
compare sub "${P[@]}" -t "$(printf 'bad\xc0\x80')"
status 1 cleat pub "${P[@]}" -t '' -m x
status 1 cleat sub "${P[@]}" -t ''
status 1 cleat pub "${P[@]}" -t a -m x -V mqttv31
grep -q '3.1.1' "$work/cmd.err" || fail "-V mqttv31: no words"
for args in '--cert c' '--key k' '--insecure' '--psk 00'; do
    # shellcheck disable=SC2086
    status 1 cleat pub "${P[@]}" -t a -m x $args
    grep -q 'not offered' "$work/cmd.err" || fail "$args: not told"
done
# mosquitto_pub connects in a few of these; none of ours did.
tail -n "+$((before + 1))" "$log" >"$work/since.log"
refuse "$work/since.log" 'as cleat-'
ok "wrong calls fail with the original's status and words, before anything is sent"

compare pub -h 127.0.0.1 -p "$login" -t a -m x
compare sub -h 127.0.0.1 -p "$login" -t a -u joe -P wrong
status 5 cleat sub -h 127.0.0.1 -p "$login" -t a -u joe -P wrong
grep -q 'not authorised' "$work/cmd.err" || fail "refusal without words"
status 5 cleat sub -h 127.0.0.1 -p "$login" -t a -u joe -P wrong --quiet
[ ! -s "$work/cmd.err" ] || fail "--quiet is not"
status 0 cleat pub -h 127.0.0.1 -p "$login" -t a -m x -u joe -P secret -q 1
status 0 cleat pub -L "mqtt://joe:secret@127.0.0.1:$login/a/b" -m x -q 1
status 2 cleat sub -h 127.0.0.1 -p "$noid" -t a -i ''
grep -qi 'identifier' "$work/cmd.err" || fail "refused identifier without words"
nobody=1 # no test listens there
compare pub -h 127.0.0.1 -p "$nobody" -t a -m x
compare sub -h 127.0.0.1 -p "$nobody" -t a
compare sub -h no-such-host.invalid -t a
ok "refusals end with the CONNACK code; nobody there and no such name are told"

# --- TLS, with the key in the chip ----------------------------------------
T=(-h localhost -p "$tls")
A=(--cafile "$work/ca.pem" --chip "sim:$work/chip-a")
B=(--cafile "$work/ca.pem" --chip "sim:$work/chip-b")
observer=("${T[@]}" --cafile "$work/ca.pem" --cert "$work/observer.pem" --key "$work/observer.key")
background tls-c cleat sub "${T[@]}" "${A[@]}" -i tls-c -q 1 -t 'tls/#' -v -C 4 -W 60 --tls-alpn mqtt
tls_c=$last
background tls-m mosquitto_sub "${observer[@]}" -i tls-m -q 1 -t 'tls/#' -v -C 4 -W 60
tls_m=$last
subscribed tls-c "$work/tls.err"
subscribed tls-m "$work/tls.err"
mosquitto_pub "${observer[@]}" -t tls/in -f "$work/mega" -q 1
cleat pub "${T[@]}" "${B[@]}" -t tls/out -f "$work/mega" -q 2
CLEAT_CHIP="sim:$work/chip-b" cleat pub -L "mqtts://localhost:$tls/tls/url" --cafile "$work/ca.pem" -m url -d >"$work/tls-d.out"
printf 'line' | cleat pub "${T[@]}" "${B[@]}" -t tls/line -l
ended "$tls_c" 0 'sub over TLS'
ended "$tls_m" 0 'mosquitto_sub over TLS'
same 'TLS' "$work/tls-m.out" "$work/tls-c.out"
grep -q 'TLSv1.2 TLS-ECDHE-ECDSA.*1 key pair, 1 shared secret, 1 signature' "$work/tls-d.out" || fail "chip did not do it all"
grep -q 'u.optiga-' "$work/tls.err" || fail "the broker did not see the chip's name"
ok "over TLS with the key in the chip: 1 MiB both ways, -l, -L mqtts://, CLEAT_CHIP"

words() { # words PATTERN ARGS...: pub and sub fail with these words
    local pattern=$1
    shift
    status 1 cleat sub -t a "$@"
    grep -qiE -- "$pattern" "$work/cmd.err" || {
        cat "$work/cmd.err" >&2
        fail "no words like \"$pattern\""
    }
    status 1 cleat pub -t a -m x "$@"
    grep -qiE -- "$pattern" "$work/cmd.err" || fail "no words like \"$pattern\""
}
words 'unknown ca.*--cafile' "${T[@]}" --cafile "$work/other.pem" --chip "sim:$work/chip-a"
words 'wrong host.*localhost.*127.0.0.1' -h 127.0.0.1 -p "$tls" "${A[@]}"
words 'does the broker know the CA of this certificate' "${T[@]}" --cafile "$work/ca.pem" --chip "sim:$work/stranger"
words 'does not speak tls|tls port' -h localhost -p "$plain" "${A[@]}"
words 'needs an identity.*--chip.*CLEAT_CHIP' "${T[@]}" --cafile "$work/ca.pem"
words 'need|for TLS.*--cafile' "${T[@]}" --chip "sim:$work/chip-a"
words 'No such file' "${T[@]}" --cafile "$work/none.pem" --chip "sim:$work/chip-a"
words 'cannot be (parsed|read|set up)' "${T[@]}" --cafile "$work/bytes" --chip "sim:$work/chip-a"
words 'cleat-chipsim' "${T[@]}" --cafile "$work/ca.pem" --chip "unix:$work/none"
KEY_TYPE=rsa:2048 KEY_OPT='' issue ca rsa 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
rsa=$(free_port)
broker rsa "$rsa" "cafile $work/clients.pem\ncertfile $work/rsa.pem\nkeyfile $work/rsa.key\nrequire_certificate true\nuse_identity_as_username true"
words 'RSA' -h localhost -p "$rsa" "${A[@]}"
status 0 cleat pub -h localhost -p "$rsa" "${A[@]}" --allow-rsa -t a -m x -q 1
ok "TLS failures are told in words; RSA brokers by --allow-rsa"

# --- cleat chip ------------------------------------------------------------
chip=(--chip "sim:$work/chip-a")
status 0 cleat chip list
grep -q '^  optiga' "$work/cmd.out" || fail "no optiga in the list"
status 0 cleat chip list --json
grep -q '"sim:DIR"' "$work/cmd.out" || fail "no sim in the JSON"
grep -qE '^UID: cd16339401[0-9a-f]{44}$' "$work/info-a.out" || fail "no UID"
grep -q '^current limit: 6 mA' "$work/info-a.out" || fail "no current limit"
grep -q '0xE0F0 ECC key .* ECC P-256 *never *never' "$work/info-a.out" || fail "no key object"
status 0 cleat chip info "${chip[@]}" --json
grep -q '"security_event_counter":' "$work/cmd.out" || fail "no counter in the JSON"
cleat chip cert "${chip[@]}" >"$work/device.pem"
openssl verify -CAfile "$work/factory.pem" "$work/device.pem" >/dev/null || fail "the certificate is not the chip's"
[ "$(cleat chip random 1000 "${chip[@]}" --raw | wc -c)" = 1000 ] || fail "random count"
[ "$(cleat chip random 5 "${chip[@]}" | wc -c)" = 11 ] || fail "random in hex"
status 0 cleat chip metadata 0xE140 "${chip[@]}"
grep -q '^change: LcsO < operational or Conf(0xE140)$' "$work/cmd.out" || fail "metadata words"
cleat chip read 0xE0E0 "${chip[@]}" --raw --offset 9 >"$work/device.der"
openssl x509 -in "$work/device.pem" -outform DER | cmp - "$work/device.der" || fail "read differs from cert"
[ "$(cleat chip read 0xE0E0 "${chip[@]}" --raw --offset 9 --length 2 | od -An -tx1)" = ' 30 82' ] || fail "--length"
status 0 cleat chip verify-identity "${chip[@]}"
status 4 cleat chip verify-identity --key 0xE0F1 "${chip[@]}"
status 4 cleat chip read 0xE0F0 "${chip[@]}"
grep -q 'access conditions.*0xE0F0' "$work/cmd.err" || fail "refused read without words"
status 5 cleat chip read 0x1234 "${chip[@]}"
status 3 cleat chip info --chip "unix:$work/none"
status 2 cleat chip info --chip nonsense
status 2 cleat chip read "${chip[@]}"
status 2 cleat chip nonsense
status 7 cleat chip verify-identity --chip "soft:$work/broker.key,$work/observer.pem"
grep -q 'is not the one of the certificate' "$work/cmd.err" || fail "mismatched pair not told"
status 0 cleat chip verify-identity --chip "soft:$work/observer.key,$work/observer.pem"
for c in pub sub chip; do
    status 0 cleat "$c" --help
    grep -q "^usage: cleat $c" "$work/cmd.out" || fail "$c --help"
done
ok "cleat chip shows list, info, certificate, random, metadata, objects, identity"
