lzf_LIBS := -llzf
