# SPDX-License-Identifier: MIT
cleat_fuzz(mqtt_decode SOURCES fuzz_mqtt_decode.c LINK cleat::mqtt
           CORPUS tests/fuzz/corpus/mqtt_decode RUNS 200000)
cleat_fuzz(mqtt_session SOURCES fuzz_mqtt_session.c LINK cleat::mqtt
           CORPUS tests/fuzz/corpus/mqtt_session RUNS 100000)
cleat_fuzz(mqtt_topic SOURCES fuzz_mqtt_topic.c LINK cleat::mqtt
           CORPUS tests/fuzz/corpus/mqtt_topic RUNS 200000)
cleat_fuzz(mqtt_dispatch SOURCES fuzz_mqtt_dispatch.c LINK cleat::mqtt
           CORPUS tests/fuzz/corpus/mqtt_dispatch RUNS 100000)
cleat_fuzz(mqtt_request SOURCES fuzz_mqtt_request.c LINK cleat::mqtt
           CORPUS tests/fuzz/corpus/mqtt_request RUNS 100000)
