# SPDX-License-Identifier: MIT
# Thin front of the CMake presets: `make run` and `make test` are all a
# newcomer needs. Each target installs what it is missing.
.DEFAULT_GOAL := build
.PHONY: help build run test bench api tsan fuzz fuzz-marathon fuzz-afl prove nightly chaos coverage \
	tidy docs format clean install setup setup-test setup-fuzz setup-tidy \
	setup-format setup-firmware source \
	source-firmware firmware firmware-run firmware-test program size cross

KITS ?= 1
TARGET ?= mps2-an386
TOOLCHAIN ?= GCC_ARM
PROFILE ?= small
# Absolute, for cmake is run elsewhere; with the blanks that $(abspath) splits at.
absolute = $(if $(1),$(if $(filter /%,$(firstword $(1))),$(1),$(CURDIR)/$(1)))
override CLEAT_MBEDTLS_SOURCE := $(call absolute,$(CLEAT_MBEDTLS_SOURCE))
override CLEAT_LWIP_SOURCE := $(call absolute,$(CLEAT_LWIP_SOURCE))
MBEDTLS := $(or $(CLEAT_MBEDTLS_SOURCE),$(CURDIR)/build/mbedtls-src)
export CLEAT_MBEDTLS_SOURCE CLEAT_LWIP_SOURCE
# The targets that install packages or build in one folder follow one another.
.NOTPARALLEL:

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:
	@tools/setup run

setup-test:
	@tools/setup test

setup-fuzz:
	@tools/setup test fuzz

setup-tidy setup-format: setup-%:
	@tools/setup $*

source: | setup
	@tools/fetch-source mbedtls build/mbedtls-src >&2

# configure PRESET: once, and whenever a tree of the user's is named; CMake
# looks after itself otherwise.
define configure
	@mkdir -p build
	@test -f build/$(1)/build.ninja -a -z "$(CLEAT_MBEDTLS_SOURCE)" || \
		cmake --preset $(1) -DCLEAT_MBEDTLS_SOURCE="$(MBEDTLS)" \
		>build/$(1).log 2>&1 || { cat build/$(1).log >&2; \
		echo "make: configuring build/$(1) failed (above)" >&2; exit 1; }
endef

build: source ## build/bin/cleat and build/bin/cleat-chipsim
	$(call configure,release)
	@cmake --build --preset release >&2

run: build ## button, broker, LED on this machine: KITS=1
	@build/bin/cleat kit --dir build/kit --kits $(KITS) $(ARGS)

test: setup-test source ## every test, under AddressSanitizer and UBSan
	$(call configure,dev)
	@cmake --build --preset dev
	@ctest --preset dev $(CTEST_ARGS)

bench: source ## what we cost, beside others: BENCH="codec linear chip mqtt counts" ONLY="receive QoS 0"
	@tools/setup bench
	$(call configure,bench)
	@cmake --build --preset bench >&2
	@tools/bench build/bench/bin build/bench.json $(BENCH)

tsan: setup-test source ## every test, under ThreadSanitizer
	$(call configure,tsan)
	@cmake --build --preset tsan
	@ctest --preset tsan $(CTEST_ARGS)

fuzz: setup-fuzz source ## libFuzzer, SECONDS_EACH=60 for every target, or FUZZ="NAME ..."
	$(call configure,fuzz)
	@cmake --build --preset fuzz
	@tools/fuzz build/fuzz $(or $(SECONDS_EACH),60) $(FUZZ)

fuzz-marathon: ## the MQTT decoders' fuzz targets a billion times: COUNT=500000000 of each, SEED=1
	@tools/setup fuzz
	@tools/fuzz-marathon $(or $(COUNT),500000000) $(or $(SEED),1)

fuzz-afl: ## the MQTT fuzz targets under AFL++: SECONDS_EACH=60, FUZZ="mqtt_decode ..."
	@tools/setup fuzz-afl
	@tools/fuzz-afl $(or $(SECONDS_EACH),60) $(FUZZ)

prove: ## Frama-C: no run-time error in encoders and decoders: PROVE="decode ..."
	@tools/setup prove
	@tools/prove $(PROVE)

nightly: prove tsan fuzz chaos ## what takes too long for each change

chaos: setup-test source ## Mosquitto, publisher, subscriber under faults: SEED=1 MESSAGES=20000 FAULTS=200
	$(call configure,dev)
	@cmake --build --preset dev --target chaos chaos_peer >&2
	@build/dev/bin/chaos build/dev/bin $(or $(MESSAGES),20000) $(or $(FAULTS),200) $(or $(SEED),1)

cross: ## engines and tests on 32 bits, big-endian and Cortex-M: CROSS=s390x
	@tools/setup cross
	@tools/cross $(CROSS)

coverage: setup-test source ## line coverage of the tests
	$(call configure,coverage)
	@cmake --build --preset coverage
	@ctest --preset coverage
	@tools/coverage build/coverage $(COVERAGE_ARGS)

tidy: setup-tidy source ## what clang-tidy says of every source: advice, it fails nothing
	$(call configure,tidy)
	@cmake --build --preset tidy

setup-firmware:
	@tools/setup test firmware

source-firmware: | setup-firmware
	@tools/fetch-source lwip build/lwip-src >&2

firmware: setup-firmware source source-firmware ## image for a board: TARGET=mps2-an386 TOOLCHAIN=GCC_ARM|ARM
	@tools/firmware build $(TARGET) $(TOOLCHAIN) $(PROFILE)

firmware-run: firmware build ## the image in QEMU, with a broker and a virtual chip
	@tools/firmware run $(TARGET) $(TOOLCHAIN) $(PROFILE) $(ARGS)

program: firmware-run ## the same, by the verb that a real board has

firmware-test: setup-test firmware build ## the end-to-end tests of the image
	@bash tests/e2e/firmware.sh build/bin

size: setup-test firmware build ## flash, RAM, stack, heap against the budget
	@tools/firmware size $(TARGET) $(TOOLCHAIN) $(PROFILE)

docs: build ## renew docs/settings.md, docs/sentences.md from the code
	@{ sed '/^|/,$$d' docs/settings.md; build/bin/cleat config markdown; } >build/settings.md
	@mv build/settings.md docs/settings.md
	@{ sed '/^|/,$$d' docs/sentences.md; tools/sentences; } >build/sentences.md
	@mv build/sentences.md docs/sentences.md

api: ## the public headers as a reference: build/api/html
	@tools/setup api
	@mkdir -p build
	@doxygen docs/Doxyfile
	@echo "build/api/html/index.html"

format: setup-format ## clang-format over every source
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: build ## programs, manual pages, libraries: PREFIX=/usr/local DESTDIR=
	@cmake --install build/release --prefix "$(or $(PREFIX),/usr/local)"

clean: ## remove what was built (keeps the kit's chips and CA)
	@[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name kit -exec rm -rf {} +
