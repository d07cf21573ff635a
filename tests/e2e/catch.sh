#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The safety catch while the chip gives one wrong answer: whatever it is that
# could not be seen, an unconfirmed call changes nothing.
. "$(dirname "$0")/lib.sh"
cd "$work"
make_ca ca
make_ca other
cleat-chipsim --dir chip --print-info >/dev/null
export CLEAT_CHIP=sim:$work/chip
status 0 cleat chip keygen 0xE0F1 --out key.pub --confirm 0xE0F1
status 0 cleat cert write ca.pem --object 0xE0E8
status 0 cleat cert csr --key 0xE0F1 --subject /CN=a --out a.csr
for name in first second; do
    openssl x509 -req -in a.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out $name.pem >/dev/null 2>&1
done
status 0 cleat cert write first.pem --object 0xE0E1 --confirm 0xE0E1
printf message >message
kept() { # kept FOLDER: its key, anchor and certificate, as text
    cleat chip sign 0xE0F1 --file message --out sig --chip "sim:$1"
    openssl dgst -sha256 -verify key.pub -signature sig message
    cleat chip read 0xE0E8 --chip "sim:$1"
    cleat chip cert --object 0xE0E1 --chip "sim:$1"
}
kept chip >before
grep -q 'Verified OK' before || fail "the key does not sign"

serve() { # serve OPTIONS...: a copy of the chip on a socket
    rm -rf copy copy.sock copy.out
    cp -r chip copy
    rm -f copy/lock
    background copy cleat-chipsim --dir copy --listen copy.sock "$@"
    expect copy.out listening
}
stop() {
    kill "$last"
    wait "$last" 2>/dev/null || true
}
# unseen NAME COMMAND...: refused with each of its questions answered wrongly.
unseen() {
    local name=$1 n=0 code
    shift
    serve --trace
    status 6 "$@" --chip unix:copy.sock
    stop
    sed -n 's/^0*\([0-9][0-9]*\) W .*GetDataObject.*/\1/p' copy.err >questions
    [ "$(wc -l <questions)" -ge 3 ] || fail "$name asks $(wc -l <questions) questions"
    while read -r at; do
        serve --fault "status@$at"
        code=0
        "$@" --chip unix:copy.sock >cmd.out 2>cmd.err </dev/null || code=$?
        stop
        [ $code -ne 0 ] || fail "$name passed with transfer $at answered wrongly: $(cat cmd.out)"
        rm -f copy/lock
        kept copy >after
        cmp -s before after || fail "$name changed the chip with transfer $at answered wrongly"
        n=$((n + 1))
    done <questions
    ok "$name: refused whichever of its $n questions is answered wrongly"
}
unseen "a new key" cleat chip keygen 0xE0F1
unseen "a trust anchor" cleat chip write 0xE0E8 --file other.pem
unseen "a certificate" cleat cert write second.pem --object 0xE0E1
