#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat chip`, `cert`, `factory` and `aws` with what nobody should give them:
# files without an end, folders, binary lists, standard output that is full or
# closed. Each ends soon, with words and a status that is not 0.
. "$(dirname "$0")/lib.sh"
cd "$work"
export CLEAT_CHIP=sim:$work/chip
make_ca ca
cleat chip info >/dev/null
# bad WORDS COMMAND...: soon, no crash, told why.
bad() {
    local words=$1 code=0
    shift
    timeout 20 "$@" >cmd.out 2>cmd.err </dev/null || code=$?
    [ "$code" -ge 1 ] && [ "$code" -le 8 ] || fail "status $code of: $*: $(head -c 400 cmd.err)"
    [ -s cmd.err ] || fail "no words from: $*"
    ! grep -q 'Sanitizer\|runtime error' cmd.err || fail "$*: $(head -c 2000 cmd.err)"
    grep -qE -- "$words" cmd.err || fail "no words like \"$words\" from $*: $(head -c 400 cmd.err)"
}
head -c 3000000 /dev/urandom >noise
: >empty
printf 'serial\nA\n' >list.csv

# ---- standard input that cannot be read: nothing is signed in its place ----
for command in 'sign 0xE0F0' hash 'write 0xF1D1'; do
    read -ra words <<<"$command"
    code=0
    cleat chip "${words[@]}" --file - >cmd.out 2>cmd.err <. || code=$?
    [ $code = 2 ] && [ ! -s cmd.out ] || fail "chip $command of a folder: status $code, $(cat cmd.out)"
    grep -q 'standard input: Is a directory' cmd.err || fail "chip $command of a folder: $(cat cmd.err)"
done

# ---- standard output that takes nothing ----
fac=(cleat factory list.csv --ca-cert ca.pem --ca-key ca.key --dry-run)
for command in 'chip info' 'chip objects' 'chip read 0xE0C2' 'chip cert' 'chip random 8' 'chip random 8 --raw' 'chip info --json' \
    'chip selftest' 'chip hash 0xE0C2' 'cert show' 'cert show --json' 'cert csr --subject /CN=x' \
    'completion bash' 'completion words chip' 'aws policy --client-id x' --help --version; do
    read -ra words <<<"$command"
    code=0
    timeout 60 cleat "${words[@]}" >/dev/full 2>cmd.err </dev/null || code=$?
    [ "$code" -ge 1 ] && [ "$code" -le 8 ] || fail "cleat $command to a full disk: status $code"
    grep -q 'cannot be written' cmd.err || fail "cleat $command to a full disk: $(cat cmd.err)"
    code=0
    timeout 60 cleat "${words[@]}" >&- 2>cmd.err </dev/null || code=$?
    [ "$code" -ge 1 ] && [ "$code" -le 8 ] || fail "cleat $command to nowhere: status $code"
done
for option in --help --version "--print-info --dir $work/printed"; do
    read -ra words <<<"$option"
    code=0
    cleat-chipsim "${words[@]}" >/dev/full 2>cmd.err </dev/null || code=$?
    [ $code = 1 ] && grep -q 'cannot be written' cmd.err || fail "cleat-chipsim $option to a full disk: $code, $(cat cmd.err)"
done
code=0
"${fac[@]}" >/dev/full 2>cmd.err || code=$?
[ "$code" = 1 ] && grep -q 'cannot be written' cmd.err || fail "factory to a full disk: $code"
bad 'is no manifest' cleat factory list.csv --ca-cert ca.pem --ca-key ca.key --manifest /dev/full
bad 'cannot|No such' cleat chip keygen 0xE0F1 --out /nowhere/key.pem
# A new key whose public key gets lost is in the slot all the same.
yes=(--confirm 0xE0F1)
cleat chip keygen 0xE0F1 --out lost.pub "${yes[@]}" >/dev/null
bad 'No such' cleat chip keygen 0xE0F1 --out /nowhere/key.pem "${yes[@]}"
pub() { cleat cert csr --key 0xE0F1 --subject /CN=x | openssl req -noout -pubkey; }
[ "$(pub)" = "$(cat lost.pub)" ] || fail "a key was destroyed for a file that cannot be"
for out in '--out /dev/full' '--out /dev/full --json'; do
    read -ra words <<<"$out"
    bad 'in the element all the same; .cleat cert csr. finds' cleat chip keygen 0xE0F1 "${words[@]}" "${yes[@]}"
done
for form in '' --json; do
    # shellcheck disable=SC2086 # none or one word
    ! cleat chip keygen 0xE0F1 "${yes[@]}" $form >/dev/full 2>cmd.err || fail "keygen to a full disk"
    grep -q 'in the element all the same' cmd.err || fail "keygen to a full disk: $(cat cmd.err)"
done
[ "$(pub)" != "$(cat lost.pub)" ] || fail "no new key"
bad 'cannot be found out again' cleat chip keygen 0xE0F1 --out /dev/full --usage agree "${yes[@]}"
bad 'cannot be found out again' cleat chip keygen 0xE0FC --type rsa1024 --out /dev/full
ok "a key whose public key cannot be written: not made, or told to be there"
ok "a full disk and a closed standard output are failures"

# ---- files that are none, or have no end ----
for file in /dev/zero noise empty . /nowhere; do
    bad . cleat cert write $file --object 0xE0E1
    bad . cleat chip write 0xF1D0 --file $file
    bad . cleat chip update show $file
    bad . cleat chip update apply $file
    bad . cleat chip verify --signature $file --file list.csv
    bad . cleat chip verify --public-key $file --signature list.csv --file list.csv
    bad . cleat chip encrypt --public-key $file --file list.csv
    bad . cleat chip encrypt 0xE200 --file $file --iv 00000000000000000000000000000000
    bad . cleat chip decrypt 0xE200 --file $file --iv 00000000000000000000000000000000
    bad . cleat chip update build 0xF1E0 --file list.csv --anchor 0xE0E8 --signer $file --version 1 --out x.update
    bad . cleat factory $file --ca-cert ca.pem --ca-key ca.key
    bad . cleat factory list.csv --ca-cert $file --ca-key ca.key
    bad . cleat factory list.csv --ca-cert ca.pem --ca-key $file
    bad . cleat chip info --shield $file
    bad . cleat cert renew --config $file --issue true
    [ $file = empty ] || bad . cleat run --config $file --no-input
    bad . cleat cert renew finish $file --config list.csv
done
for file in /dev/zero noise .; do
    bad . cleat factory list.csv --ca-cert ca.pem --ca-key ca.key --manifest $file
done
mkfifo endless.pem
for call in 'cert write endless.pem --object 0xE0E1' 'factory list.csv --ca-cert endless.pem --ca-key ca.key' \
    'factory list.csv --ca-cert ca.pem --ca-key endless.pem' 'chip verify --public-key endless.pem --signature list.csv --file list.csv' \
    'chip update build 0xF1E0 --text x --anchor 0xE0E8 --signer endless.pem --version 1 --out x.update'; do
    read -ra words <<<"$call"
    yes 'no PEM at all' >endless.pem 2>/dev/null &
    bad 'larger than' cleat "${words[@]}"
    wait
done
[ "$(cat empty | wc -c)" = 0 ] || fail "an empty file was written to"
ok "files without an end, noise, folders and nothing are refused in words"

# ---- settings ----
mkfifo endless.conf
endless() { # endless WORDS LINE: a pipe that never ends
    yes "$2" >endless.conf 2>/dev/null &
    bad "$1" cleat config list --config endless.conf
    wait
}
bad 'NUL byte: it is no file of settings' cleat run --config /dev/zero --no-input
status 2 timeout 20 cleat doctor --config /dev/zero
grep -q 'NUL byte' cmd.out || fail "doctor: $(cat cmd.out)"
endless 'larger than 256 KiB' '# a remark'
endless 'larger than 256 KiB' ''
endless 'is set twice' 'MQTT_PORT = 8883'
endless 'larger than 256 KiB' 'no setting at all'
printf 'MQTT_PORT = 8883\n%s' "$(yes '# a remark' | head -c 262000)" >long.conf
status 0 cleat config list --config long.conf
grep -q 8883 cmd.out || fail "a long file of settings is not read to its end"
ok "settings without an end are refused in words"

# ---- lists ----
list() { # list WORDS TEXT
    printf '%b' "$2" >bad.csv
    bad "$1" cleat factory bad.csv --ca-cert ca.pem --ca-key ca.key
}
list 'NUL byte' 'serial\nA\0B\n'
list 'not UTF-8' 'serial,common_name\nA,caf\0351\n'
list 'control characters' 'serial,common_name\nA,a\001b\n'
list 'is there twice' 'serial\nA\nB\nA\n'
list 'too long' "serial\n$(head -c 3000 /dev/zero | tr '\0' a)\n"
list 'too many fields' 'serial\na,b,c,d,e,f,g,h,i\n'
list 'nothing to make' '\n\n\n'
list 'nothing to make' '\xef\xbb\xbfserial\r\n'
{
    echo serial
    seq -f 'S%06.0f' 100000
} >huge.csv
SECONDS=0
status 0 cleat factory huge.csv --ca-cert ca.pem --ca-key ca.key --dry-run
grep -q '100000 would be made' cmd.out || fail "a list of 100000"
[ $SECONDS -lt 120 ] || fail "a list of 100000 takes $SECONDS s to plan"
echo S000001 >>huge.csv
status 2 cleat factory huge.csv --ca-cert ca.pem --ca-key ca.key --dry-run
grep -q 'line 100002: serial S000001 is there twice' cmd.err || fail "twice in a huge list"
[ ! -d chips ] || fail "something was made"
ok "binary lists, doubles and 100000 chips"

# ---- words ----
bad 'is not as /CN=' cleat cert csr --subject "/CN=$(head -c 300 /dev/zero | tr '\0' a)"
bad 'is not as /CN=' cleat cert csr --subject "$(printf '/CN=caf\351')"
bad 'is not as /CN=' cleat cert csr --subject /CN
bad 'san: DNS' cleat cert csr --subject /CN=a --san IP:300.1.1.1
bad 'sim:aaaa' cleat chip info --chip "sim:$(head -c 5000 /dev/zero | tr '\0' a)"
bad . cleat chip read 0xE0C2 --length 99999999999999999999
bad . cleat chip write 0xF1D0 --hex "$(head -c 40000 /dev/zero | tr '\0' a)"
ok "words beyond their bounds are refused"
