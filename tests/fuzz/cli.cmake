# SPDX-License-Identifier: MIT
# What the `cleat` command reads: files, and words from its user.
cleat_fuzz(cli_config LINK cleat_cli RUNS 20000 SOURCES fuzz_cli_config.c
           CORPUS tests/fuzz/corpus/cli_config)
cleat_fuzz(cli_order LINK cleat_cli RUNS 200000 SOURCES fuzz_cli_order.c
           CORPUS tests/fuzz/corpus/cli_order)
cleat_fuzz(cli_chip LINK cleat_cli RUNS 100000 SOURCES fuzz_cli_chip.c
           CORPUS tests/fuzz/corpus/cli_chip)
cleat_fuzz(cli_safety LINK cleat_cli RUNS 30000 SOURCES fuzz_cli_safety.c
           CORPUS tests/fuzz/corpus/cli_safety)
cleat_fuzz(cli_factory LINK cleat_cli RUNS 60000 SOURCES fuzz_cli_factory.c
           CORPUS tests/fuzz/corpus/cli_factory)
cleat_fuzz(cli_help LINK cleat_cli RUNS 60000 SOURCES fuzz_cli_help.c
           CORPUS tests/fuzz/corpus/cli_help)
cleat_fuzz(cli_request LINK cleat_cli RUNS 20000 SOURCES fuzz_cli_request.c
           CORPUS tests/fuzz/corpus/cli_request)
cleat_fuzz(cli_pubsub LINK cleat_cli RUNS 60000 SOURCES fuzz_cli_pubsub.c
           CORPUS tests/fuzz/corpus/cli_pubsub)
cleat_fuzz(cli_aws LINK cleat_cli RUNS 60000 SOURCES fuzz_cli_aws.c
           CORPUS tests/fuzz/corpus/cli_aws)
