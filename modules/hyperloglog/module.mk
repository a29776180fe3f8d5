hyperloglog_LIBS := -lm
