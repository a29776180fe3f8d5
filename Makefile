# Keel: `make help` lists the targets.
SHELL := /bin/bash
CC ?= cc
VERSION := 0.1.0

# SAN=address|undefined|thread builds with that sanitizer into a directory of its own.
SAN ?=
B := build$(if $(SAN),/san-$(SAN))
OPT := $(if $(SAN),-O1 -fno-omit-frame-pointer -fsanitize=$(SAN) -DKEEL_DEBUG \
       $(if $(filter undefined,$(SAN)),-fno-sanitize-recover=undefined),-O3 -fno-plt)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef \
        -Wno-missing-field-initializers
CFLAGS ?= -g
ALL_CFLAGS = -std=gnu11 $(OPT) $(WARN) -fvisibility=hidden -Iinclude -MMD -MP $(CFLAGS)

# jemalloc where it is there, unless a sanitizer wants to see every allocation.
ifeq ($(SAN),)
HASH := \#
HAVE_JEMALLOC := $(shell printf '$(HASH)include <jemalloc/jemalloc.h>\nint main(void){return !malloc(1);}' | \
                   $(CC) -xc - -ljemalloc -o /dev/null 2>/dev/null && echo yes)
endif
ifeq ($(HAVE_JEMALLOC),yes)
CORE_DEFS := -DHAVE_JEMALLOC
CORE_LIBS := -ljemalloc
endif

CORE_SRC := $(wildcard core/*.c core/ds/*.c)
CORE_OBJ := $(CORE_SRC:%.c=$B/obj/%.o)
MODULES := $(notdir $(patsubst %/,%,$(dir $(wildcard modules/*/*.c))))
MODULES := $(sort $(MODULES))
MODULE_SO := $(MODULES:%=$B/modules/%.so)
TEST_MODULES := $(patsubst tests/modules/%.c,%,$(wildcard tests/modules/*.c))
TEST_SO := $(TEST_MODULES:%=$B/tests/modules/%.so)
UNIT := $(patsubst tests/unit/%.c,$B/tests/%,$(wildcard tests/unit/*.c))

.PHONY: help all deps run test check bench docs install new-module clean
.DELETE_ON_ERROR:
.SECONDARY:

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

all: $B/keel $(MODULE_SO) ## build/keel and build/modules/*.so

$B/keel: $(CORE_OBJ)
	$(CC) $(ALL_CFLAGS) -rdynamic -o $@.tmp $^ $(CORE_LIBS) -ldl -lpthread -lm && mv $@.tmp $@

$B/obj/core/%.o: core/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CORE_DEFS) -DKEEL_VERSION='"$(VERSION)"' -Icore -c -o $@ $<

# A module is a folder; module.mk beside its sources may set NAME_LIBS, NAME_CFLAGS and NAME_DS
# (containers of core/ds to link in).
-include $(wildcard modules/*/module.mk)

define MODULE_RULES
$1_SRC := $$(wildcard modules/$1/*.c)
$1_OBJ := $$($1_SRC:%.c=$B/obj/%.o) $$($1_DS:%=$B/obj/pic/core/ds/%.o)
$B/obj/modules/$1/%.o: modules/$1/%.c Makefile
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -fPIC $$($1_CFLAGS) -c -o $$@ $$<
$B/modules/$1.so: $$($1_OBJ)
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -shared -o $$@.tmp $$^ $$($1_LIBS) && mv $$@.tmp $$@
endef
$(foreach m,$(MODULES),$(eval $(call MODULE_RULES,$m)))

$B/obj/pic/core/ds/%.o: core/ds/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -c -o $@ $<

# Test modules are one file each.
$B/tests/modules/%.so: tests/modules/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -shared -o $@.tmp $< -lpthread && mv $@.tmp $@

-include $(shell find $B/obj $B/tests -name '*.d' 2>/dev/null)
