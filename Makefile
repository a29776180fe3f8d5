# Keel: `make help` lists the targets.
SHELL := /bin/bash
CC ?= cc
VERSION := 0.1.0

, := ,
# SAN=address|undefined|thread builds with that sanitizer (or two: address,undefined), STATIC=1 with all modules linked into the
# server, each into a directory of its own.
SAN ?=
STATIC ?=
PREFIX ?= /usr/local
SAN_WORDS := $(subst $(,), ,$(SAN))
B := build$(if $(filter fuzz,$(SAN)),/fuzz,$(if $(SAN),/san-$(subst $(,),-,$(SAN))))$(if $(STATIC),/static)
SAN_FLAGS := $(if $(filter fuzz,$(SAN)),fuzzer-no-link$(,)address$(,)undefined,$(SAN))
OPT := $(if $(SAN),-O1 -fno-omit-frame-pointer -fsanitize=$(SAN_FLAGS) -DKEEL_DEBUG \
       $(if $(filter undefined fuzz,$(SAN_WORDS)),-fno-sanitize-recover=undefined),-O3 -fno-plt)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef \
        -Wno-missing-field-initializers
CFLAGS ?= -g
ALL_CFLAGS = -std=gnu11 $(OPT) $(WARN) -fvisibility=hidden -Iinclude -MMD -MP $(CFLAGS)

# jemalloc where it is there, unless a sanitizer wants to see every allocation.
ifeq ($(SAN),)
HAVE_JEMALLOC := $(shell echo 'int mallctl(); int main(void) { return !mallctl; }' | \
                   $(CC) -xc - -ljemalloc -o /dev/null 2>/dev/null && echo yes)
endif
ifeq ($(HAVE_JEMALLOC),yes)
CORE_DEFS := -DHAVE_JEMALLOC
CORE_LIBS := -ljemalloc
endif

# The core is optimised as a whole: 4% fewer instructions a command. Its objects hold plain code too,
# which the unit tests link without the wait.
ifeq ($(SAN),)
LTO := -flto=auto -ffat-lto-objects
endif

CORE_SRC := $(wildcard core/*.c) core/ds/table.c
CORE_OBJ := $(CORE_SRC:%.c=$B/obj/%.o)
MODULES := $(notdir $(patsubst %/,%,$(dir $(wildcard modules/*/*.c))))
MODULES := $(sort $(MODULES))
MODULE_SO := $(MODULES:%=$B/modules/%.so)
TEST_MODULES := $(patsubst tests/modules/%.c,%,$(wildcard tests/modules/*.c))
TEST_SO := $(TEST_MODULES:%=$B/tests/modules/%.so)
# bad.c is one module for every BAD_x in it.
BAD := $(shell grep -ho 'BAD_[a-z_]*[a-z]' tests/modules/bad.c 2>/dev/null | sort -u)
TEST_SO := $(filter-out %/bad.so,$(TEST_SO)) $(BAD:BAD_%=$B/tests/modules/bad-%.so)
# These are one module for every V_x in them.
VERSIONED := reload rm_bad rm_reload
versions_of = $(patsubst V_%,$B/tests/modules/$1-%.so,$(shell grep -ho 'V_[a-z_]*[a-z]' \
                tests/modules/$1.c | sort -u))
TEST_SO := $(filter-out $(VERSIONED:%=$B/tests/modules/%.so),$(TEST_SO)) \
           $(foreach m,$(VERSIONED),$(call versions_of,$m))
UNIT := $(patsubst tests/unit/%.c,$B/tests/%,$(wildcard tests/unit/*.c))

.PHONY: help all test-modules deps run test fuzz fuzzers check bench docs install new-module clean
.DELETE_ON_ERROR:
.SECONDARY:

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

all: $B/keel $(if $(STATIC),,$(MODULE_SO)) ## build/keel and build/modules/*.so

LINKED_OBJ := $(if $(STATIC),$B/obj/linked.o $(MODULES:%=$B/obj/modules/%.o))
$B/keel: $(CORE_OBJ) $(LINKED_OBJ)
	$(CC) $(ALL_CFLAGS) $(LTO) -rdynamic -o $@.tmp $^ $(CORE_LIBS) $(if $(STATIC),$(MODULE_LIBS)) \
	  -ldl -lpthread -lm && mv $@.tmp $@

$B/obj/core/%.o: core/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LTO) $(CORE_DEFS) -DKEEL_VERSION='"$(VERSION)"' -iquote core -c -o $@ $<

# A module is a folder; module.mk beside its sources may set NAME_LIBS, NAME_CFLAGS and NAME_DS
# (containers of core/ds, which become a part of it).
-include $(wildcard modules/*/module.mk)

define MODULE_RULES
$1_SRC := $$(wildcard modules/$1/*.c)
$1_OBJ := $$($1_SRC:%.c=$B/obj/%.o) $$($1_DS:%=$B/obj/modules/$1/ds/%.o)
$B/obj/modules/$1/%.o: modules/$1/%.c Makefile
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -fPIC $$($1_CFLAGS) $(if $(STATIC),-Dkeel_module=$2 \
	  -Dkeel_self=$2_self) -c -o $$@ $$<
$B/obj/modules/$1/ds/%.o: core/ds/%.c Makefile
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -fPIC $(if $(STATIC),-Dkeel_self=$2_self) -c -o $$@ $$<
$B/modules/$1.so: $$($1_OBJ)
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -shared -o $$@.tmp $$^ $$($1_LIBS) && mv $$@.tmp $$@
# For STATIC=1: one object a module, which keeps its names to itself.
$B/obj/modules/$1.o: $$($1_OBJ)
	ld -r -o $$@ $$^ && objcopy --keep-global-symbol=$2 $$@
MODULE_LIBS += $$($1_LIBS)
endef
$(foreach m,$(MODULES),$(eval $(call MODULE_RULES,$m,keel_module_$(subst -,_,$m))))

$B/obj/linked.c: $(wildcard modules/*/*.c)
	@mkdir -p $(@D)
	@{ echo '#include <keel/module.h>'; \
	   printf 'extern const KeelModule keel_module_%s;\n' $(subst -,_,$(MODULES)); \
	   echo 'extern const KeelModule *const module_linked[];'; \
	   echo 'const KeelModule *const module_linked[] = {'; \
	   printf '    &keel_module_%s,\n' $(subst -,_,$(MODULES)); echo '    0};'; } > $@
$B/obj/linked.o: $B/obj/linked.c
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Test modules are one file each. -MT: what depends on headers is the module, not its first name.
$B/tests/modules/%.so: tests/modules/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -shared -MT $@ -o $@.tmp $< -lpthread && mv $@.tmp $@
$B/tests/modules/bad-%.so: tests/modules/bad.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -g0 -DBAD_$* -fPIC -shared -MT $@ -o $@.tmp $< && mv $@.tmp $@

define VERSION_RULE
$B/tests/modules/$1-%.so: tests/modules/$1.c Makefile
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -DV_$$* -fPIC -shared -MT $$@ -o $$@.tmp $$< -lpthread && mv $$@.tmp $$@
endef
$(foreach m,$(VERSIONED),$(eval $(call VERSION_RULE,$m)))

# Programs that tests start, and shared objects that they preload.
TOOLS := $(patsubst tests/tools/%.c,$B/tools/%,$(wildcard tests/tools/*.c))
$B/tools/%: tests/tools/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(filter-out -fsanitize=%,$(ALL_CFLAGS)) -fPIC -fvisibility=default \
	  $(if $(findstring LD_PRELOAD,$(file <$<)),-shared) -o $@ $< -ldl

test-modules: $(TEST_SO) $(TOOLS)

# C unit tests have everything of the core but its main, and all containers.
UNIT_OBJ := $(sort $(filter-out %/main.o,$(CORE_OBJ)) $(patsubst %.c,$B/obj/%.o,$(wildcard core/ds/*.c)))
$B/tests/%: tests/unit/%.c $(UNIT_OBJ) Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CORE_DEFS) -iquote core -rdynamic -o $@ $< $(filter %.o,$^) $(CORE_LIBS) \
	  -ldl -lpthread -lm

PACKAGES := gcc libc6-dev make tcl redis-tools libjemalloc-dev liblzf-dev libmd-dev
MISSING = $(shell for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done)
deps: ## installs with apt what is missing for build and tests
	@missing="$(MISSING)"; [ -z "$$missing" ] || { set -e; \
	  as=$$([ $$(id -u) = 0 ] || echo sudo); $$as apt-get update -q; \
	  DEBIAN_FRONTEND=noninteractive $$as apt-get install -yq --no-install-recommends $$missing; }

# A make of its own, so that libraries which `deps` has just installed are found.
ifneq ($(filter deps,$(MAKECMDGOALS)),)
run test bench: deps # first, also with -j
endif
run: ## builds and starts the server on port 6379 (ARGS="--port 6380" for more)
	@$(MAKE) --no-print-directory all
	@exec $B/keel $(ARGS)

test: ## builds and passes the tests (TESTS="--single FILE" picks)
	@$(MAKE) --no-print-directory all test-modules $(UNIT)
	@tclsh tests/run.tcl --keel $B/keel $(TESTS)

# Every tests/fuzz/*.c but support.c is a libFuzzer target; what it finds is left in build/fuzz/found.
FUZZERS := $(filter-out support,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
FUZZ_SECONDS ?= 10
fuzz: ## runs every fuzzer for FUZZ_SECONDS=10 (FUZZERS="resp glob" picks; needs clang)
	@$(MAKE) --no-print-directory SAN=fuzz CC=clang all fuzzers
	@for f in $(FUZZERS); do tests/fuzz/run.sh build/fuzz $$f $(FUZZ_SECONDS) || exit 1; done
fuzzers: $(FUZZERS:%=$B/fuzz-%)
$B/fuzz-%: tests/fuzz/%.c tests/fuzz/support.c tests/fuzz/fuzz.h \
           $(filter-out %/main.o,$(CORE_OBJ)) Makefile
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -Wl,--wrap=bind,--wrap=fork -iquote core -rdynamic -o $@ \
	  $(filter %.c %.o,$^) -ldl -lpthread -lm

bench: all ## the table of figures against redis-server (BENCH="--quick" for a short one)
	@tclsh tests/bench/bench.tcl --keel $B/keel $(BENCH)

clean: ## removes build/
	rm -rf build

check: all ## the laws of the house: who includes, exports and names what
	@tests/check.sh $B

docs: ## the reference of the native API, from its headers
	@tclsh tests/docs.tcl

install: all ## into PREFIX (/usr/local); DESTDIR is put before it
	install -d $(DESTDIR)$(PREFIX)/{bin,lib/keel/modules,include/keel}
	install -m 755 $B/keel $(DESTDIR)$(PREFIX)/lib/keel/keel
	install -m 644 modules.conf $(DESTDIR)$(PREFIX)/lib/keel/modules.conf
	$(if $(STATIC),,install -m 755 $(MODULE_SO) $(DESTDIR)$(PREFIX)/lib/keel/modules)
	install -m 644 include/keel.h $(DESTDIR)$(PREFIX)/include
	install -m 644 include/keel/*.h $(DESTDIR)$(PREFIX)/include/keel
	ln -sfn ../lib/keel/keel $(DESTDIR)$(PREFIX)/bin/keel

new-module: ## NAME=x: a module in modules/x that builds, and a test of it that passes
	@[[ "$(NAME)" =~ ^[a-z][a-z0-9_]{0,62}$$ ]] || { echo "make new-module NAME=x: a-z, 0-9 and _"; exit 1; }
	@[ ! -e modules/$(NAME) ] || { echo "modules/$(NAME) is there already"; exit 1; }
	@cp -r modules/example modules/$(NAME)
	@mv modules/$(NAME)/example.c modules/$(NAME)/$(NAME).c
	@mv modules/$(NAME)/tests/example.tcl modules/$(NAME)/tests/$(NAME).tcl
	@sed -i 's/example/$(NAME)/g; s/EXAMPLE/\U$(NAME)/g' modules/$(NAME)/*.c modules/$(NAME)/tests/*.tcl
	@echo "modules/$(NAME) is there. Next:"
	@echo "    make all && tclsh tests/run.tcl --single modules/$(NAME)/tests/$(NAME).tcl"

-include $(shell find $B/obj $B/tests -name '*.d' 2>/dev/null)
