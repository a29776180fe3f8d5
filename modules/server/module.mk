server_LIBS := -lmd -ldl
