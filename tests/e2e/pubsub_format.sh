#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat sub` beside mosquitto_sub where both must write the same: -F with every
# sequence, --remove-retained, Unix sockets; and MQTT over WebSocket, which the
# original has not, with the same broker's listener.
. "$(dirname "$0")/lib.sh"

plain=$(free_port)
ws=$plain wss=$plain
while [ "$ws" = "$plain" ]; do ws=$(free_port); done
while [ "$wss" = "$plain" ] || [ "$wss" = "$ws" ]; do wss=$(free_port); done
make_ca ca
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
broker main "$plain" "allow_anonymous true\nmax_queued_messages 0\nlistener 0 $work/socket\nlistener $ws 127.0.0.1\nprotocol websockets\nlistener $wss 127.0.0.1\nprotocol websockets\ncertfile $work/broker.pem\nkeyfile $work/broker.key"
listening "$ws"
listening "$wss"
P=(-h 127.0.0.1 -p "$plain")
log=$work/main.err

# --- formats -----------------------------------------------------------------
formats=('%t' '[%10t]' '[%-10t]' '[%.3t]' '[%10.4t]' '[%-10.4t]' '[%010t]' '%l' '[%6l]' '[%06l]' '[%-6l]'
    '%p' '[%60p]' '[%-60p]' '%x' '%X' '%q %r' '[%5q|%05r]' '%m' '[%3m]' '[%03m]' '%%' '100%%'
    '%C%D%E%F%A%P%R%S' '@@' 'a@@b' '\\' '%t\t%p\n\r\a\e\v' '%t\0%p' 'plain text' '' 'ünïcode %t →'
    '%t %t %p %p')
payloads=('hello world' '{"x": [1, 2.50, "y\u00e9"], "n": null}' '12' '' '"text"' 'grüße' $'two\nlines')
n=0
for payload in "${payloads[@]}"; do
    n=$((n + 1))
    mosquitto_pub "${P[@]}" -r -q 1 -t "f/$n/\"q" -m "$payload"
done
# All the sequences in one run each, for all messages; the empty one is not kept.
kept=$((${#payloads[@]} - 1))
one=$(printf '%s|' "${formats[@]}")
for q in 0 1; do
    for eol in '' -N; do
        # shellcheck disable=SC2086
        mosquitto_sub "${P[@]}" -q $q $eol -t 'f/#' -C $kept -W 20 -F "$one" >"$work/theirs" 2>/dev/null || true
        # shellcheck disable=SC2086
        cleat sub "${P[@]}" -q $q $eol -t 'f/#' -C $kept -W 20 -F "$one" >"$work/ours" 2>/dev/null || true
        [ -s "$work/theirs" ] || fail "no output to compare with"
        cmp "$work/theirs" "$work/ours" || {
            diff -a "$work/theirs" "$work/ours" | head >&2 || true
            fail "-F at QoS $q $eol"
        }
    done
done
# mosquitto_sub cuts a payload to the width; its manual says that it does not.
[ "$(cleat sub "${P[@]}" -t 'f/1/#' -C 1 -F '[%3p|%3x]')" = '[hello world|68656c6c6f20776f726c64]' ] || fail 'width cuts'
ok "${#formats[@]} formats of -F write the bytes of mosquitto_sub's for ${#payloads[@]} payloads"

# Times differ; their shape does not.
shape() { sed -E 's/[0-9]/9/g'; }
for f in '%I' '[%30I]' '[%-30I]' '[%.4I]' '%U' '@Y-@m-@d @H:@M' '@N'; do
    mosquitto_sub "${P[@]}" -t 'f/1/#' -C 1 -F "$f" | shape >"$work/theirs"
    cleat sub "${P[@]}" -t 'f/1/#' -C 1 -F "$f" | shape >"$work/ours"
    cmp -s "$work/theirs" "$work/ours" || fail "$f: $(cat "$work/ours")"
done
for f in %j %J; do
    for pretty in '' --pretty; do
        for n in 1 2 3 5 6 7; do
            for q in 0 1; do
                # shellcheck disable=SC2086
                mosquitto_sub "${P[@]}" -q $q -t "f/$n/#" -C 1 -F $f $pretty 2>/dev/null | sed -E 's/"tst":([[:space:]]*)"[^"]*"/"tst":\1"T"/' >"$work/theirs"
                # shellcheck disable=SC2086
                cleat sub "${P[@]}" -q $q -t "f/$n/#" -C 1 -F $f $pretty 2>"$work/ours.err" | sed -E 's/"tst":([[:space:]]*)"[^"]*"/"tst":\1"T"/' >"$work/ours"
                cmp "$work/theirs" "$work/ours" || {
                    diff "$work/theirs" "$work/ours" >&2 || true
                    fail "$f $pretty of payload $n at QoS $q"
                }
            done
        done
    done
done
status 0 cleat sub "${P[@]}" -t 'f/1/#' -C 1 -F %J
grep -q 'no valid JSON' "$work/cmd.err" || fail "no words about broken JSON"
cleat sub "${P[@]}" -t 'f/1/#' -C 1 -F %j | grep -qE '^\{"tst":"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z[+-][0-9]{4}","topic"' || fail "tst"
ok "%I, %U, @, %j, %J and --pretty too, times by their shape"

for f in '%z' '%' '%5' '%.' 'a\' '\x' 'b@'; do
    code=0
    mosquitto_sub "${P[@]}" -t a -C 1 -W 1 -F "$f" >/dev/null 2>&1 || code=$?
    [ $code = 1 ] || fail "mosquitto_sub takes $f"
    status 1 cleat sub "${P[@]}" -t a -C 1 -W 1 -F "$f"
    grep -q -- '^cleat: -F: ' "$work/cmd.err" || fail "$f: no words"
done
ok "formats that the original refuses are refused in words"

# A message in pieces is one for -F.
head -c 1500000 /dev/zero | tr '\0' z >"$work/large"
background large cleat sub "${P[@]}" -i large -t large -C 1 -F '%l %p'
large=$last
expect "$log" 'Sending SUBACK to large$'
mosquitto_pub "${P[@]}" -t large -f "$work/large"
wait "$large"
{
    printf '1500000 '
    cat "$work/large"
    echo
} | cmp - "$work/large.out" || fail "a large message with -F"
ok "-F shows a message of 1.5 MB"

# --- properties of MQTT 5 -------------------------------------------------------
props=(-D publish content-type text/x -D publish message-expiry-interval 1000 -D publish payload-format-indicator 1
    -D publish response-topic r/t -D publish user-property k1 v1 -D publish user-property k2 'v 2'
    -D publish correlation-data 'c d')
for tool in mosquitto_pub 'cleat pub'; do
    $tool "${P[@]}" -V mqttv5 -t p/b -r -q 1 -m hello "${props[@]}"
    one='%A|%C|%D|%E|%F|%P|%R|%S|[%10S]|[%-10S]|[%010E]|[%20C]|[%.2R]|%p'
    mosquitto_sub "${P[@]}" -V mqttv5 -t 'p/#' -C 1 -D subscribe subscription-identifier 42 -F "$one" >"$work/theirs"
    timeout 30 cleat sub "${P[@]}" -t 'p/#' -C 1 -D subscribe subscription-identifier 42 -F "$one" >"$work/ours"
    # The time to expiry is of the moment.
    sed -i -E 's/0*(9[0-9][0-9]|1000)/T/g' "$work/theirs" "$work/ours"
    cmp "$work/theirs" "$work/ours" || fail "properties of a message by $tool"
    grep -q '|text/x|c d|T|1|k1:v1 k2:v 2|r/t|42|' "$work/ours" || fail "properties by $tool: $(cat "$work/ours")"
done
seq 1000 | cleat pub "${P[@]}" -V 5 -t five -l -q 2 || fail "1000 lines with MQTT 5"
status 0 cleat sub "${P[@]}" -V 5 -t a -E -c -x 100 -i expiring
expect "$log" 'as expiring \(p5, c0' 1
for args in '-D publish nope 1' '-D nope content-type x' '-D publish user-property a' '-D publish content-type' \
    '-D publish message-expiry-interval x' '-D connect receive-maximum 0' '-x -2' '-V 6' \
    '-D publish topic-alias 0' '-D publish content-type a -D publish content-type b' '-D publish payload-format-indicator 2' \
    '-D publish response-topic a/#' '-q 1 -D publish topic-alias 1' '-D connect authentication-data x'; do
    # shellcheck disable=SC2086
    status 1 cleat pub "${P[@]}" -t a -m x $args
    grep -q '^cleat: -' "$work/cmd.err" || fail "$args: no words before connecting: $(cat "$work/cmd.err")"
done
# The names as the manual writes them, in capitals; never, which it calls -1.
for x in -1 ∞ 4294967295; do
    status 0 cleat pub "${P[@]}" -t a -m x -i "never$x" -D CONNECT User-Property k v -c -x "$x"
done
status 0 cleat pub "${P[@]}" -V 5 -P only-a-password -t a -m x
cleat pub "${P[@]}" -t p/c -r -q 1 -m '{"y": 1}' -D publish user-property k1 v1 -D publish content-type '' \
    -D publish user-property k1 'v"2' -D publish payload-format-indicator 0 -D publish correlation-data 'c"d'
for f in %j %J; do
    for pretty in '' --pretty; do
        for t in p/b p/c; do
            for tool in mosquitto_sub 'cleat sub'; do
                # shellcheck disable=SC2086
                $tool "${P[@]}" -V mqttv5 -q 1 -t $t -C 1 -F $f $pretty -D subscribe subscription-identifier 300 2>"$work/json.err" |
                    sed -E 's/("(tst|message-expiry-interval)":[[:space:]]*)[^,}]*/\1T/g' >"$work/json-${tool%% *}"
            done
            cmp "$work/json-mosquitto_sub" "$work/json-cleat" ||
                fail "properties in $f $pretty of $t: $(cat "$work"/json-{mosquitto_sub,cleat})"
        done
    done
done
grep -q '"content-type":' "$work/json-cleat" || fail "no properties in JSON"
# A topic alias spares the topic from the second message on; this broker allows
# ten, and one above that is told (an error once made pub wait forever).
background alias mosquitto_sub "${P[@]}" -i alias -t 'alias/#' -v -C 4 -W 20
alias=$last
expect "$log" 'Sending SUBACK to alias$'
cleat pub "${P[@]}" -t alias/long/topic -m hello --repeat 3 -D publish topic-alias 10 -d >"$work/alias-d.out" || fail "topic-alias"
grep -qE "PUBLISH \(d0, q0, r0, m0, '', " "$work/alias-d.out" || fail "the topic is sent with its alias: $(cat "$work/alias-d.out")"
printf 'line' | cleat pub "${P[@]}" -t alias/long/topic -l -D publish topic-alias 1 || fail "topic-alias and -l"
wait "$alias" || fail "messages by an alias"
[ "$(sort "$work/alias.out" | uniq -c | tr -s ' ')" = $' 3 alias/long/topic hello\n 1 alias/long/topic line' ] || fail "by an alias came $(cat "$work/alias.out")"
status 1 timeout 10 cleat pub "${P[@]}" -t a -m x -D publish topic-alias 11
grep -q 'topic-alias' "$work/cmd.err" || fail "an alias above the broker's: no words"
status 0 cleat pub "${P[@]}" -t a -m x -D disconnect reason-string enough
ok "-V mqttv5, -D and -x: properties both ways as the originals have them"

# --- options files ------------------------------------------------------------------
mkdir -p "$work/home/.config" "$work/xdg"
printf '# a comment\n\n-h 127.0.0.1\n-p %s\n-t from/file\n-i  from-file\n  -D publish user-property k a  value\n-D publish content-type text/y z\r\n-r\n' "$plain" \
    >"$work/home/.config/cleat-pub"
printf -- '-h 127.0.0.1\n-p %s\n-V 5\n-t from/file\n-t from/more\n-C 1\n' "$plain" >"$work/xdg/cleat-sub"
HOME=$work/home XDG_CONFIG_HOME='' cleat pub -m 'by the file' -q 1 || fail "pub with an options file"
expect "$log" 'as from-file \(p5' 1
[ "$(XDG_CONFIG_HOME=$work/xdg cleat sub -F '%t %p %P %C')" = 'from/file by the file k:a  value text/y z' ] || fail "options files"
HOME=$work/home XDG_CONFIG_HOME='' cleat pub -m 'by the call' -t from/call -i from-call -q 1 || fail "the call over the file"
expect "$log" 'as from-call \(p5' 1
[ "$(cleat sub "${P[@]}" -t from/call -C 1)" = 'by the call' ] || fail "the topic of the file was not overridden"
[ "$(XDG_CONFIG_HOME=$work/xdg cleat sub -t from/call -C 2 -W 20 | sort)" = $'by the call\nby the file' ] || fail "-t and -C of the call"
printf -- '-h 127.0.0.1\n--nonsense 1\n' >"$work/xdg/cleat-pub"
XDG_CONFIG_HOME=$work/xdg status 1 cleat pub "${P[@]}" -t a -m x
grep -q 'line 2 of the options file .*/xdg/cleat-pub' "$work/cmd.err" || fail "a wrong line: no words"
printf -- '-t a\0b\n' >"$work/xdg/cleat-pub"
XDG_CONFIG_HOME=$work/xdg status 1 cleat pub "${P[@]}" -t a -m x
grep -q 'not text' "$work/cmd.err" || fail "bytes as an options file: no words"
ln -sf cleat-pub "$work/xdg/cleat-pub"
XDG_CONFIG_HOME=$work/xdg status 1 cleat pub "${P[@]}" -t a -m x
grep -q 'options file.*/xdg/cleat-pub' "$work/cmd.err" || fail "a link to itself as an options file: no words"
mosquitto_pub "${P[@]}" -r -t from/file -n
ok "options files: taken first, the call counts more"

# --- retained ----------------------------------------------------------------------
mosquitto_pub "${P[@]}" -r -q 1 -t the/end -m end # kept messages come in the order of -t
for tool in mosquitto_sub 'cleat sub'; do
    name=${tool%% *}
    for i in 1 2 3; do mosquitto_pub "${P[@]}" -r -q 1 -t "gone/$name/$i" -m "old $i"; done
    mosquitto_pub "${P[@]}" -r -q 1 -t "gone/$name/stays" -m stays
    background "removed-$name" $tool "${P[@]}" -i "removed-$name" -q 1 -t "gone/$name/#" -T "gone/$name/stays" --remove-retained
    for i in 1 2 3; do expect "$log" "Received PUBLISH from removed-$name .*'gone/$name/$i'"; done
    kill "$last"
    wait "$last" || fail "$name --remove-retained"
    $tool "${P[@]}" -q 1 -t "gone/$name/#" -t the/end -C 2 -W 20 >>"$work/removed-$name.out" || true
done
cmp "$work/removed-mosquitto_sub.out" "$work/removed-cleat.out" || fail "--remove-retained"
[ "$(tail -n 2 "$work/removed-cleat.out")" = $'stays\nend' ] || fail "--remove-retained removed too much"
[ "$(grep -c old "$work/removed-cleat.out")" = 3 ] || fail "--remove-retained removed too little"
for tool in mosquitto_sub 'cleat sub'; do
    name=${tool%% *}
    for how in '' --retain-as-published; do
        background "rap-$name" $tool "${P[@]}" -V mqttv5 -i "rap-$name$how" -q 1 -t rap $how -F '%r %p' -C 1 -W 30
        expect "$log" "Sending SUBACK to rap-$name$how\$"
        mosquitto_pub "${P[@]}" -V mqttv5 -r -q 1 -t rap -m flag
        wait "$last" || fail "$name $how"
        cat "$work/rap-$name.out" >>"$work/rap-all-$name"
        mosquitto_pub "${P[@]}" -r -t rap -n
    done
done
cmp "$work/rap-all-mosquitto_sub" "$work/rap-all-cleat" || fail "--retain-as-published"
[ "$(cat "$work/rap-all-cleat")" = $'0 flag\n1 flag' ] || fail "--retain-as-published shows $(cat "$work/rap-all-cleat")"
status 1 cleat sub "${P[@]}" -t a --retain-as-published
grep -q mqttv5 "$work/cmd.err" || fail "--retain-as-published without MQTT 5"
ok "--retain-as-published shows the flag that the original shows"
# The manual: -R does not keep --remove-retained from removing.
mosquitto_pub "${P[@]}" -r -q 1 -t gone/unseen -m old
background unseen cleat sub "${P[@]}" -i unseen -q 1 -t gone/unseen -R --remove-retained
expect "$log" "Received PUBLISH from unseen .*'gone/unseen'"
kill "$last"
wait "$last" || fail "-R --remove-retained"
[ ! -s "$work/unseen.out" ] || fail "-R showed a retained message"
status 0 cleat sub "${P[@]}" -q 1 -t gone/unseen -t the/end -C 1 -W 20
[ "$(cat "$work/cmd.out")" = end ] || fail "-R --remove-retained did not remove"
# -C counts what is not shown for --random-filter, too, as the original does.
for tool in mosquitto_sub 'cleat sub'; do
    background "few-${tool%% *}" $tool "${P[@]}" -i "few-${tool%% *}" -q 1 -t few --random-filter 0.1 -C 100 -W 20
    expect "$log" "Sending SUBACK to few-${tool%% *}\$"
    seq 100 | cleat pub "${P[@]}" -q 1 -t few -l
    wait "$last" || fail "$tool -C with --random-filter"
done
background random cleat sub "${P[@]}" -i random -q 1 -t rnd --random-filter 25 -C 2000 -W 60
random=$last
expect "$log" 'Sending SUBACK to random$'
seq 2000 | cleat pub "${P[@]}" -q 1 -t rnd -l
wait "$random" || fail "--random-filter 25 ended with $?"
shown=$(wc -l <"$work/random.out")
[ "$shown" -gt 380 ] && [ "$shown" -lt 620 ] || fail "--random-filter 25 showed $shown of 2000"
status 1 cleat sub "${P[@]}" -t a --random-filter 0
ok "--remove-retained removes what the original does; --random-filter 25 showed $shown of 2000"

# --- Unix sockets, own address ---------------------------------------------------------
background unix cleat sub --unix "$work/socket" -i unix -q 1 -t unix/# -C 2 -W 20
unix=$last
expect "$log" 'Sending SUBACK to unix$'
mosquitto_pub --unix "$work/socket" -q 1 -t unix/1 -m theirs
cleat pub --unix "$work/socket" -q 2 -t unix/2 -m ours
wait "$unix" || fail "sub over a Unix socket"
printf 'theirs\nours\n' | cmp - "$work/unix.out" || fail "over a Unix socket"
status 1 cleat pub --unix "$work/none" -t a -m x
grep -q 'no such socket' "$work/cmd.err" || fail "no words about a missing socket"
status 1 cleat pub --unix "$work/large" -t a -m x
status 0 cleat pub "${P[@]}" -A 127.0.0.9 -i from-nine -t a -m x -q 1
expect "$log" 'New client connected from 127.0.0.9:[0-9]+ as from-nine' 1
status 1 cleat pub "${P[@]}" -A nowhere -t a -m x
status 1 cleat pub "${P[@]}" -A ::1 -t a -m x
ok "--unix and -A"

# --- WebSocket ------------------------------------------------------------------------
# This broker sends 4 KiB each 100 ms over WebSocket, so what comes is smaller
# than what goes.
head -c 30000 "$work/large" >"$work/medium"
background ws cleat sub -L "ws://127.0.0.1:$ws" -i ws -q 2 -t 'ws/#' -C 6 -W 60
ws_sub=$last
background out mosquitto_sub "${P[@]}" -i out -q 2 -t out -C 3 -W 60
out=$last
expect "$log" 'Sending SUBACK to ws$'
expect "$log" 'Sending SUBACK to out$'
for q in 0 1 2; do
    cleat pub -L "ws://localhost:$ws/mqtt" -t out -f "$work/large" -q $q
    cleat pub -L "ws://localhost:$ws/mqtt" -i "medium$q" -t ws/medium -f "$work/medium" -q $q
    expect "$log" "Received PUBLISH from medium$q " # or the next might overtake it
    mosquitto_pub "${P[@]}" -t ws/in -m "small $q" -q $q
done
wait "$ws_sub" || fail "sub over WebSocket"
wait "$out" || fail "large messages over WebSocket"
for q in 0 1 2; do
    cat "$work/large"
    echo
done | cmp - "$work/out.out" || fail "1.5 MB over WebSocket"
for q in 0 1 2; do
    cat "$work/medium"
    printf '\nsmall %d\n' $q
done | cmp - "$work/ws.out" || fail "over WebSocket"
seq 5000 >"$work/lines"
background wslines mosquitto_sub "${P[@]}" -i wslines -q 1 -t wslines -C 5000 -W 60
lines=$last
expect "$log" 'Sending SUBACK to wslines$'
cleat pub -L "ws://127.0.0.1:$ws" -t wslines -q 1 -l <"$work/lines"
wait "$lines"
cmp "$work/lines" "$work/wslines.out" || fail "5000 lines over WebSocket"
cleat sub -L "wss://localhost:$wss" --cafile "$work/ca.pem" --chip "sim:$work/chip" -i wss -t x -E -d >"$work/wss.out" 2>"$work/wss.err" || {
    cat "$work/wss.err" >&2
    fail "over wss"
}
expect "$log" 'Sending SUBACK to wss$'
status 1 cleat pub -L "ws://127.0.0.1:$plain" -t a -m x
status 1 cleat pub "${P[@]}" -L "ws://127.0.0.1:$ws/x y" -t a -m x
ok "ws:// and wss:// with the broker's listener: 1.5 MB out and 30 kB in at each QoS, 5000 lines"
