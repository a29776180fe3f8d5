# The example module, loaded by name with an argument.
start_server {overrides {loadmodule "example 5"} tags {modules}} {
    test "EXAMPLE.TIMES begins with the argument of loadmodule" {
        r example.times
    } 5

    test "EXAMPLE.RAISE creates, raises, and never lowers" {
        list [r example.raise high 10] [r example.raise high 7] [r example.raise high 12] \
            [r get high] [r example.times]
    } {10 10 12 12 7}

    test "EXAMPLE.RAISE keeps the expiry" {
        r set brief 1 EX 100
        r example.raise brief 2
        expr {[r ttl brief] > 90}
    } 1

    test "EXAMPLE.RAISE rounds up to example-step" {
        r config set example-step 100
        set replies [list [r example.raise steps 1] [r example.raise steps 101] \
            [r example.raise below -150]]
        r config set example-step 1
        set replies
    } {100 200 -100}

    test "EXAMPLE.RAISE refuses what is not an integer" {
        r set text hello
        list [catch {r example.raise text 1} e] $e [catch {r example.raise high abc} e] $e
    } {1 {ERR value is not an integer or out of range} 1 {ERR value is not an integer or out of range}}
}

start_server {tags {modules}} {
    test "MODULE LOAD of example refuses a bad argument and says why" {
        catch {r module load example abc} e
        set e
    } "*is not a count*"

    test "EXAMPLE.TIMES is there after MODULE LOAD" {
        r module load example
        r example.times
    } 0
}
