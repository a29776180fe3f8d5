# Results must not depend on whether the processor has a multiply-and-add.
geo_CFLAGS := -ffp-contract=off
geo_LIBS := -lm
