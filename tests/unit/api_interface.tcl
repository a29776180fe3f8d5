# api_interface.tcl - what one module offers another.

start_server [with_module api_provider api_user] {
    test "A module uses what another provides" {
        assert_equal {5 5 10} [r user.add 5]
        r user.add 2
    } {7 7 14}

    test "Versions of one major part are compatible upwards, others not at all" {
        foreach {version there} {100 1 101 1 102 1 103 0 200 1 201 0 300 0 99 0} {
            assert_equal $there [r user.ask counter $version] $version
        }
        r user.ask nosuch 100
    } 0

    test "Modules are listed in load order" {
        set names [dict keys [r user.modules]]
        assert_equal {api_provider api_user} [lrange $names end-1 end]
        dict get [r user.modules] api_provider
    } 1.2.3

    test "A module that others need stays until they are gone" {
        assert_error "*api_user*" {r module unload api_provider}
        assert_equal OK [r module unload api_user]
        r module unload api_provider
    } OK

    test "A module that needs another says so" {
        assert_error "*" {r module load [test_module api_user]}
        assert_equal 1 [expr {[count_log_message 0 "api_provider"] > 0}]
        r module load [test_module api_provider]
        r module load [test_module api_user]
        r user.add 1
    } {1 1 2}

    test "A load that fails leaves nothing behind" {
        r module unload api_user
        assert_error "*" {r module load [test_module api_user] 300}
        assert_equal 1 [count_log_message 0 "no interface 'counter' of version 300"]
        assert_error "ERR unknown command*" {r user.add 1}
        r module load [test_module api_user] 102
    } OK
}
