#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Does what docs/mosquitto.md says, with the commands and files that stand
# there, and then what it says would be refused.
. "$(dirname "$0")/lib.sh"
doc=$PWD/docs/mosquitto.md
cd "$work"
block() { # block N: the N-th fenced block, without its indent
    awk -v want="$1" '/^ *```/ { fence = !fence; n += fence; next }
        fence && n == want { sub(/^   /, ""); print }' "$doc"
}
block 1 >1.sh
bash -e 1.sh >1.out 2>&1 || fail "the CA: $(cat 1.out)"
block 2 >2.sh
grep -q '^cleat factory' 2.sh || fail "step 2 is another"
bash -e 2.sh >2.out 2>&1 || fail "the devices: $(cat 2.out)"
grep -q '^2 made' 2.out || fail "$(cat 2.out)"
bash -e 2.sh >2.out 2>&1 || fail "again: $(cat 2.out)"
grep -q '^0 made, 2 done before' 2.out || fail "made again: $(cat 2.out)"
ok "CA, broker's certificate and two devices"

port=$(free_port)
block 3 | sed "s/^listener 8883/listener $port 127.0.0.1/" >broker.conf
grep -q "^listener $port" broker.conf || fail "step 3 is another"
block 4 >lamps.acl
chmod 600 lamps.acl
[ "$(id -u)" -ne 0 ] || echo "user root" >>broker.conf
background broker mosquitto -v -c broker.conf
listening "$port"
block 5 >cleat.conf
echo "MQTT_PORT = $port" >>cleat.conf
block 6 >6.sh
bash -e 6.sh >6.out 2>&1 || fail "the doctor: $(cat 6.out)"
grep -q '^all is well' 6.out || fail "$(cat 6.out)"
ok "doctor says that all is well"
printf 'press\nwait led on\nquit\n' | cleat run >run.out 2>&1 || fail "the device: $(cat run.out)"
expect run.out '^LED on$' 0
ok "the device runs"
for ms in 700 10000; do # a busy machine may need more before it publishes
    code=0
    cleat doctor --set CHIP=sim:chips/lamp-2 --set "MQTT_TIMEOUT_MS=$ms" >cmd.out 2>cmd.err </dev/null || code=$?
    grep -qE -- '-(silent|timeout)' cmd.out || break
done
[ "$code" = 19 ] && grep -q 'no-echo' cmd.out || fail "another's topics: $(cat cmd.out)"
ok "another device on these topics: no-echo, as the document says"
