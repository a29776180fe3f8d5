/* toy.c - a foreign module for toyloader.c: it knows nothing of this server. */
__attribute__((visibility("default"))) const char *toy_main(const char *argument);

const char *toy_main(const char *argument) {
    return *argument ? argument : "ball I roll";
}
