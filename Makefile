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
OPT_baseline := -O2 -DCPU_BASELINE

# -ffp-contract=off, and no -ffast-math: the same bits on every CPU a loop is compiled for.
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith
ifdef CI
WARNINGS += -Werror
endif
CFLAGS   ?= $(OPT_$(VARIANT))
ALL_CFLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L $(CFLAGS) -ffp-contract=off $(WARNINGS) -I. -MMD -MP -pthread
LDFLAGS  += $(filter -fsanitize=%,$(CFLAGS)) -pthread -Wl,--as-needed
LIBS     := -lzstd -ljansson -ljpeg -lz -lopenblas -ldnnl -lgomp -lm

SOURCES  := $(wildcard lib/*/*.c formats/*.c)
COMMON   := $(filter-out tools/simclr-%,$(wildcard tools/*.c))
TOOLS    := $(patsubst tools/%.c,%,$(wildcard tools/simclr-*.c))
SCRIPTS  := $(notdir $(wildcard pipelines/simclr-*))
UNITS    := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
SUPPORT  := $(patsubst tests/support/%.c,%,$(wildcard tests/support/*.c))
MAN1     := $(wildcard tools/*.1 pipelines/*.1)
MAN5     := $(wildcard formats/*.5)
OBJECTS  := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY  := $(BUILD)/libsimclr.a
TOOLBOX  := $(BUILD)/libtools.a

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

all: $(TOOLS:%=$(BIN)/%) $(filter-out %.1,$(SCRIPTS:%=$(BIN)/%)) ## build the tools and commands into build/bin

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -c -o $@ $<

$(BUILD)/tools/cli.o: ALL_CFLAGS += -DCLI_FLAGS='"$(strip $(CFLAGS)) -ffp-contract=off"'

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

support: $(SUPPORT:%=$(BUILD)/support/%)

units: $(UNITS:%=$(BUILD)/unit/%)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
