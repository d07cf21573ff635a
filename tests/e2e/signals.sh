#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat chip` and `cert` ended by SIGINT, SIGTERM and SIGKILL at several moments,
# over a virtual chip that takes a real one's time: whatever the bus was in the
# middle of, the next call works, and what was to change is old or new, or whole
# when the same call is made again.
. "$(dirname "$0")/lib.sh"
cd "$work"
make_ca ca
openssl x509 -in ca.pem -outform DER -out ca.der
head -c 140 /dev/urandom >old
head -c 140 /dev/urandom >new
printf message >message
cleat-chipsim --dir chip --print-info >/dev/null
export CLEAT_CHIP=sim:$work/chip
status 0 cleat chip write 0xF1D0 --file old
status 0 cleat chip keygen 0xE0F1 --out key.pub --confirm 0xE0F1
status 0 cleat chip cert
openssl x509 -in cmd.out -noout -pubkey >device.pub
cp -r chip master

serve() { # a copy of the chip behind a socket, each transfer told
    [ -z "${chip:-}" ] || { kill "$chip" && wait "$chip" 2>/dev/null || true; }
    rm -rf copy copy.sock copy.out
    cp -r master copy
    rm -f copy/lock
    background copy cleat-chipsim --dir copy --listen copy.sock --latency real --trace
    chip=$last
    expect copy.out listening
}
export CLEAT_CHIP=unix:$work/copy.sock
transfers() { wc -l <copy.err; }

# works: the chip answers the next call, its key is in use.
works() {
    cleat chip sign 0xE0F0 --file message --out sig >next.out 2>&1 || fail "$1: the next call: $(cat next.out)"
    openssl dgst -sha256 -verify device.pub -signature sig message >/dev/null || fail "$1: a wrong signature"
}

# What holds behind each verb, ended or not.
after_sign() { :; }
after_random() { :; }
after_write() {
    cleat chip read 0xF1D0 --raw >got || fail "$1: 0xF1D0 cannot be read"
    cmp -s got old || cmp -s got new || fail "$1: 0xF1D0 is neither old nor new"
}
after_keygen() {
    cleat chip sign 0xE0F1 --file message --out sig1 >next.out 2>&1 || fail "$1: 0xE0F1: $(cat next.out)"
    cleat cert csr --key 0xE0F1 --subject /CN=a --out a.csr >next.out 2>&1 || fail "$1: $(cat next.out)"
    openssl req -in a.csr -noout -pubkey -out is.pub
    openssl dgst -sha256 -verify is.pub -signature sig1 message >/dev/null || fail "$1: 0xE0F1 is no whole key"
    if [ -e fresh.pub ]; then
        cmp -s fresh.pub is.pub || fail "$1: a public key was written that is not the key's"
    fi
    rm -f fresh.pub
}
after_cert() { # two commands carry it; one alone is mended by the same call
    cleat cert write ca.pem --object 0xE0E8 --confirm 0xE0E8 >next.out 2>&1 || fail "$1: 0xE0E8: $(cat next.out)"
    cleat chip read 0xE0E8 --raw >got
    cmp -s got ca.der || fail "$1: 0xE0E8 is not whole when it is written again"
}

# ended NAME COMMAND...: by each signal, at each quarter of its transfers.
ended() {
    local name=$1 all at from pid code signal quarter hit=0
    shift
    serve
    status 0 "$@"
    all=$(transfers)
    [ "$all" -ge 8 ] || fail "$name: $all transfers"
    "after_$name" "$name"
    for signal in INT TERM KILL; do
        serve
        for quarter in 1 2 3; do
            at=$((all * quarter / 4))
            from=$(transfers)
            # A job in the background ignores SIGINT if nothing is done about it.
            env --default-signal=INT "$@" >cmd.out 2>cmd.err </dev/null &
            pid=$!
            until [ "$(transfers)" -ge $((from + at)) ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.002; done
            kill "-$signal" "$pid" 2>/dev/null || true
            code=0
            wait "$pid" 2>/dev/null || code=$?
            case $code in
            0) ;;
            130 | 143 | 137) hit=$((hit + 1)) ;;
            *) fail "$name: status $code after SIG$signal: $(cat cmd.err)" ;;
            esac
            works "$name, SIG$signal at transfer $at of $all"
            "after_$name" "$name, SIG$signal at transfer $at of $all"
        done
    done
    [ "$hit" -ge 3 ] || fail "$name: only $hit of 9 signals came in time"
    ok "$name: ended $hit times within its $all transfers, the next call works each time"
}
ended sign cleat chip sign 0xE0F0 --file message --out gone.sig
ended random cleat chip random 200
ended write cleat chip write 0xF1D0 --file new
ended keygen cleat chip keygen 0xE0F1 --confirm 0xE0F1 --out fresh.pub
ended cert cleat cert write ca.pem --object 0xE0E8
