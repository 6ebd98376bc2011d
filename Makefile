# SimCLR as Unix filters. `make help` lists the targets; every knob below can be overridden.

VARIANT  ?= release
PREFIX   ?= /usr/local
DESTDIR  ?=
CC       ?= cc
BUILD    := build/$(VARIANT)
BIN      := $(if $(filter release,$(VARIANT)),build/bin,$(BUILD)/bin)

OPT_release := -O3
OPT_asan    := -O1 -g -fsanitize=address -fno-omit-frame-pointer
OPT_ubsan   := -O1 -g -fsanitize=undefined -fno-sanitize-recover=all
OPT_tsan    := -O1 -g -fsanitize=thread
OPT_debug   := -O0 -g
OPT_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
OPT_baseline := -O2 -DCPU_MOST=CPU_BASELINE
OPT_avx2    := -O2 -DCPU_MOST=CPU_AVX2
OPT_avx512  := -O2 -DCPU_MOST=CPU_AVX512

# -ffp-contract=off, and no -ffast-math: the same bits on every CPU a loop is compiled for. Without
# -fno-math-errno no loop with a square root becomes vectors; nobody asks errno about one.
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith
ifdef CI
WARNINGS += -Werror
endif
CFLAGS   ?= $(OPT_$(VARIANT))
ALL_CFLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L $(CFLAGS) -ffp-contract=off -fno-math-errno $(WARNINGS) -I. -MMD -MP -pthread
LDFLAGS  += $(filter -fsanitize=%,$(CFLAGS)) -pthread -Wl,--as-needed
LIBS     := -lzstd -ljansson -ljpeg -lpng -lz -lopenblas -ldnnl -lgomp -lm

SOURCES  := $(wildcard lib/*/*.c formats/*.c)
COMMON   := $(filter-out tools/simclr-%,$(wildcard tools/*.c))
TOOLS    := $(patsubst tools/%.c,%,$(wildcard tools/simclr-*.c))
SCRIPTS  := $(filter-out %.1,$(notdir $(wildcard pipelines/simclr-*)))
UNITS    := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
SUPPORT  := $(patsubst tests/support/%.c,%,$(wildcard tests/support/*.c))
BENCHES  := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c))
MAN1     := $(wildcard tools/*.1 pipelines/*.1)
MAN5     := $(wildcard formats/*.5)
OBJECTS  := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY  := $(BUILD)/libsimclr.a
TOOLBOX  := $(BUILD)/libtools.a

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

help: ## list the targets
	@grep -hE '^[a-z0-9 -]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

all: $(TOOLS:%=$(BIN)/%) $(SCRIPTS:%=$(BIN)/%) ## build the tools and commands into build/bin

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -c -o $@ $<

$(BUILD)/tools/cli.o: ALL_CFLAGS += -DCLI_FLAGS='"$(strip $(CFLAGS)) -ffp-contract=off -fno-math-errno"'

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(TOOLBOX): $(COMMON:%.c=$(BUILD)/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

$(BIN)/simclr-%: $(BUILD)/tools/simclr-%.o $(TOOLBOX) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BIN)/simclr-%: pipelines/simclr-%
	@mkdir -p $(@D)
	install -m 755 $< $@

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/support/%: $(BUILD)/tests/support/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

support: $(SUPPORT:%=$(BUILD)/support/%)

benches: $(BENCHES:%=$(BUILD)/bench/%)

units: $(UNITS:%=$(BUILD)/unit/%)

# ---- what it takes ----

PACKAGES_BUILD := gcc libc6-dev libjpeg62-turbo-dev libpng-dev libzstd-dev libopenblas-dev libdnnl-dev libjansson-dev zlib1g-dev
PACKAGES_TEST  := bats zstd bsdutils xxd
PACKAGES_DEMO  := dataset-fashion-mnist

deps: ## install what is missing to build and test (Debian packages, through sudo if need be)
	@tests/deps $(PACKAGES_BUILD) $(PACKAGES_TEST)

deps-demo:
	@tests/deps $(PACKAGES_BUILD) $(PACKAGES_DEMO)

# ---- tests ----

check: deps ## install what is missing, build, run all tests
	@$(MAKE) --no-print-directory all units support replays
	@BIN=$(abspath $(BIN)) UNIT=$(BUILD)/unit SUPPORT=$(abspath $(BUILD)/support) REPLAY=$(BUILD)/replay tests/run unit fuzz cli

unit: units ## run the tests of the library
	@UNIT=$(BUILD)/unit tests/run unit

cli: all support ## run the tests of the tools
	@BIN=$(abspath $(BIN)) SUPPORT=$(abspath $(BUILD)/support) tests/run cli

asan ubsan tsan: ## build with a sanitizer into build/NAME and run all tests there
baseline avx2 avx512: ## build for a CPU that has no more than this, and run all tests there
asan ubsan tsan baseline avx2 avx512:
	@$(MAKE) --no-print-directory VARIANT=$@ all units support replays
	@BIN=$(abspath build/$@/bin) UNIT=build/$@/unit SUPPORT=$(abspath build/$@/support) REPLAY=build/$@/replay tests/run unit fuzz cli

# Simple tools once more, with calls that fail on demand (tests/inject/fail.c) ahead of those of libc.
INJECT   := $(BUILD)/inject
INJECTED := $(filter simclr-inspect simclr-images simclr-augment simclr-ntxent simclr-sheet,$(TOOLS))

$(INJECT)/libfail.so: tests/inject/fail.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -shared -Wl,-soname,$(@F) -o $@ $<

$(INJECT)/simclr-%: $(BUILD)/tools/simclr-%.o $(TOOLBOX) $(LIBRARY) $(INJECT)/libfail.so
	@mkdir -p $(@D)
	$(CC) -Wl,--no-as-needed $(INJECT)/libfail.so -Wl,-rpath,'$$ORIGIN' $(LDFLAGS) -o $@ $(filter-out %.so,$^) $(LIBS)

inject: $(INJECTED:%=$(INJECT)/%) support ## run simple tools with memory, reads and writes that fail
	@BIN=$(abspath $(INJECT)) SUPPORT=$(abspath $(BUILD)/support) bats tests/inject

bench-augment: all ## views a second against torchvision, which PYTHON=.../bin/python has
	@BIN=$(abspath $(BIN)) tests/bench/augment

bench-train: all support benches ## views a second of training, against PyTorch, which PYTHON=.../bin/python has
	@BIN=$(abspath $(BIN)) SUPPORT=$(abspath $(BUILD)/support) BENCH=$(abspath $(BUILD)/bench) tests/bench/train

bench-neighbour: all support benches ## what training costs with a core less than threads
	@BIN=$(abspath $(BIN)) SUPPORT=$(abspath $(BUILD)/support) BENCH=$(abspath $(BUILD)/bench) tests/bench/neighbour

bench-ntxent: all support benches ## time and memory of the loss, against PyTorch, likewise
	@BIN=$(abspath $(BIN)) SUPPORT=$(abspath $(BUILD)/support) BENCH=$(abspath $(BUILD)/bench) tests/bench/ntxent

torture: all support ## strike whole training runs at random moments, for some minutes
	@BIN=$(abspath $(BIN)) SUPPORT=$(abspath $(BUILD)/support) tests/torture

# Fuzz targets: replayed by any compiler, or run by libFuzzer (clang) on what they find new.
FUZZERS      := $(patsubst tests/fuzz/%.c,%,$(filter-out %/replay.c,$(wildcard tests/fuzz/*.c)))
FUZZ_SECONDS ?= 60
FUZZ_SEEDS    = tests/fuzz/corpus/$1 $(FUZZ_SEEDS_$1)
# Folders that are seeds besides the target's own.
export FUZZ_SEEDS_stream := formats/vectors/good formats/vectors/bad formats/vectors/unsupported
export FUZZ_SEEDS_jpeg   := tests/golden/pictures
export FUZZ_SEEDS_png    := tests/golden/pictures

$(BUILD)/replay/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/replay.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

fuzzers: $(FUZZERS:%=$(BUILD)/fuzz/%)

replays: $(FUZZERS:%=$(BUILD)/replay/%)

fuzz-replay: replays ## run the fuzz targets over their seeds (also with VARIANT=asan)
	@REPLAY=$(BUILD)/replay tests/run fuzz

fuzz: ## look for new crashes with libFuzzer: FUZZ_SECONDS of each target, by clang
	@$(MAKE) --no-print-directory CC=clang VARIANT=fuzz fuzzers
	@$(foreach f,$(FUZZERS),mkdir -p build/fuzz/found/$f && build/fuzz/fuzz/$f -max_total_time=$(FUZZ_SECONDS) \
	    -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix=build/fuzz/found/ build/fuzz/found/$f $(call FUZZ_SEEDS,$f) && )true

# What cppcheck 2.10 gets wrong: it does not know that die() never returns, nor compound literals in ?:.
CPPCHECK_MISTAKES := ctunullpointer internalAstError nullPointerArithmeticRedundantCheck

lint: ## look for what compilers do not say: formatting, cppcheck, man pages, shell scripts
	clang-format --dry-run --Werror $(wildcard lib/*/*.[ch] formats/*.[ch] tools/*.[ch] tests/*/*.[ch])
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr \
	    --suppress=missingIncludeSystem $(CPPCHECK_MISTAKES:%=--suppress=%) -I. lib formats tools
	mandoc -Tlint -Wwarning $(MAN1) $(MAN5)
	shellcheck -s bash -e SC2015,SC2016 $(SCRIPTS:%=pipelines/%) tests/run tests/deps tests/torture \
	    tests/bench/augment tests/bench/train tests/bench/neighbour tests/bench/ntxent

# ---- the demonstration ----

FASHION := /usr/share/datasets/fashion-mnist
DEMO    := build/demo
# Small views and mild crops: what two cores learn most from in two minutes.
DEMO_PICTURES := 15000
DEMO_OPTIONS  := --epochs 6 --size 20 --crop-area-min 0.3

demo: deps-demo ## install what is missing, build, train on Fashion-MNIST, say what came of it, and where the report is
	@$(MAKE) --no-print-directory all
	@rm -rf $(DEMO)
	PATH="$(abspath $(BIN)):$$PATH" simclr-pretrain --out $(DEMO) $(FASHION)/train-images-idx3-ubyte.gz \
	    --limit $(DEMO_PICTURES) $(DEMO_OPTIONS)
	PATH="$(abspath $(BIN)):$$PATH" simclr-evaluate $(DEMO) --train $(FASHION)/train-images-idx3-ubyte.gz \
	    --test $(FASHION)/t10k-images-idx3-ubyte.gz --limit $(DEMO_PICTURES)
	PATH="$(abspath $(BIN)):$$PATH" simclr-report $(DEMO) --pictures $(FASHION)/t10k-images-idx3-ubyte.gz

# ---- installation ----

install: all ## install tools, commands and man pages under $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 755 $(TOOLS:%=$(BIN)/%) $(SCRIPTS:%=$(BIN)/%) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(MAN1) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(MAN5) $(DESTDIR)$(PREFIX)/share/man/man5

uninstall: ## remove what install put there
	rm -f $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/%) $(SCRIPTS:%=$(DESTDIR)$(PREFIX)/bin/%)
	rm -f $(patsubst %,$(DESTDIR)$(PREFIX)/share/man/man1/%,$(notdir $(MAN1)))
	rm -f $(patsubst %,$(DESTDIR)$(PREFIX)/share/man/man5/%,$(notdir $(MAN5)))

clean: ## remove everything that was built
	rm -rf build

.PHONY: help all units support benches deps deps-demo check unit cli asan ubsan tsan baseline avx2 avx512 inject bench-augment bench-train bench-neighbour bench-ntxent torture fuzzers replays fuzz-replay fuzz lint demo install uninstall clean

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
