#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a broker of MQTT 5 says with reason codes reaches the user in words, and
# the caller in the exit status; and -D, against a broker that is scripted and
# against Mosquitto.
. "$(dirname "$0")/lib.sh"

# against NAME HEX...: such a broker on $port.
against() {
    local name=$1
    shift
    port=$(free_port)
    background "$name" scripted "$port" "$@"
    expect "$work/$name.err" '^listening$'
    P=(-h 127.0.0.1 -p "$port" -V mqttv5)
}
says() {
    grep -qF -- "$1" "$work/cmd.err" || fail "no \"$1\" in: $(cat "$work/cmd.err")"
}

up=2003000000
against denied $up 4003000187
status 1 cleat pub "${P[@]}" -q 1 -t a -m x
says 'the broker did not take message 1: not authorised'
against quota $up 5003000197
status 1 cleat pub "${P[@]}" -q 2 -t a -m x
says 'the broker did not take message 1: quota exceeded'
ok "a message that the broker did not take is told, and in the exit status"

# What the broker said in CONNACK holds before anything is sent.
against qos0 20050000022400
status 1 cleat pub "${P[@]}" -q 1 -t a -m x
says 'a message of 1 bytes: the broker does not take that QoS (-q)'
against unkept 20050000022500
status 1 cleat pub "${P[@]}" -r -t a -m x
says 'the broker keeps no messages (-r)'
against small 20080000052700000014
status 1 cleat pub "${P[@]}" -t a -m 'more than fits into it'
says 'the broker does not take packets that large'
against alias 2006000003220002
status 1 cleat pub "${P[@]}" -t a -m x -D publish topic-alias 3
says 'its topic-alias is above what the broker allows'
against plain 20050000022800
status 1 cleat sub "${P[@]}" -t 'a/#'
says 'cannot subscribe: the broker knows no wildcards'
ok "what the broker does not take is told and not sent"

# CONNACK and DISCONNECT with a server reference.
against moved2 200c009d091c00066f746865723a
code=0
cleat pub "${P[@]}" -q 1 -t a -m x >"$work/cmd.out" 2>"$work/cmd.err" || code=$?
[ "$code" = 157 ] || fail "status $code, not that of CONNACK: $(cat "$work/cmd.err")"
says 'the broker names another server: other:'
says 'server moved'
against away $up e00b9c091c00066f746865723a
status 1 cleat pub "${P[@]}" -q 1 -t a -m x
says 'the broker names another server: other:'
says 'use another server'
# A subscriber goes on where that may help: not at a server that has moved, nor
# against another process with its client ID.
against gone $up e00b9d091c00066f746865723a
status 1 timeout 20 cleat sub "${P[@]}" -t a
says 'the broker names another server: other:'
says 'connection lost: server moved'
against taken $up e0018e
status 1 timeout 20 cleat sub "${P[@]}" -t a
says 'connection lost: session taken over'
against busy $up e00b9c091c00066f746865723a
background cmd cleat sub "${P[@]}" -t a
expect "$work/cmd.err" 'connection lost: use another server; trying again'
kill "$last"
wait "$last" || fail "status $? of a subscriber that was stopped: $(cat "$work/cmd.err")"
ok "a server that sends us elsewhere is told in words, with the other's name"

# Enhanced authentication: a method of one step, and one that asks for more. The
# first also waits for the message: DISCONNECT may come in a write of its own.
token=(-D connect authentication-method m -D connect authentication-data secret)
against once 20070000041500016d -
status 0 cleat pub "${P[@]}" -t a -m x "${token[@]}"
against more f00618041500016d
status 1 cleat pub "${P[@]}" -t a -m x "${token[@]}"
says 'the broker wants an answer in authentication method "m"'
against other 20070000041500016e
status 1 cleat pub "${P[@]}" -t a -m x "${token[@]}"
says 'not the authentication method of connect'
ok "an authentication of one step is carried, one of more is told in words"

port=$(free_port)
broker mosquitto "$port" 'allow_anonymous true'
P=(-h 127.0.0.1 -p "$port")
# The session is kept at first and given up by DISCONNECT: nothing waits.
status 0 cleat sub "${P[@]}" -V mqttv5 -i gone -c -q 1 -t k -E \
    -D disconnect session-expiry-interval 0
status 0 cleat sub "${P[@]}" -V mqttv5 -i kept -c -q 1 -t k -E \
    -D disconnect user-property why test
mosquitto_pub "${P[@]}" -q 1 -t k -m waited
status 27 cleat sub "${P[@]}" -V mqttv5 -i gone -c -q 1 -t k -W 1
[ ! -s "$work/cmd.out" ] || fail "the session was kept"
status 0 cleat sub "${P[@]}" -V mqttv5 -i kept -c -q 1 -t k -C 1 -W 20
[ "$(cat "$work/cmd.out")" = waited ] || fail "the session was given up"
ok "-D disconnect session-expiry-interval 0 ends the session"
status 0 cleat pub "${P[@]}" -t a -m x -D connect topic-alias-maximum 5
code=0
cleat pub "${P[@]}" -t a -m x -D connect authentication-method none \
    -D connect authentication-data x >"$work/cmd.out" 2>"$work/cmd.err" || code=$?
[ "$code" = 140 ] || fail "a method nobody knows: $code, not 0x8C"
says 'bad authentication method'
status 1 cleat pub "${P[@]}" -t a -m x -D connect authentication-data x
says 'needs an authentication-method'
status 1 cleat pub "${P[@]}" -t a -m x -D disconnect topic-alias 1
says 'no property "topic-alias"'
ok "-D connect: topic-alias-maximum and authentication"
