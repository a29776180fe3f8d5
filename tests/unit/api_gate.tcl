# api_gate.tcl - gates decide in order of rank, hold and release; observers see what they asked for.

start_server [with_module api_gate] {
    proc logged {script} {
        r gate.log take
        r gate.log on
        catch {uplevel 1 $script} result
        r gate.log off
        return [r gate.log take]
    }

    test "Unarmed gates are not asked" {
        logged {r set a 1; r get a}
    } {}

    test "Armed gates are asked in order of rank, whatever the order of rows" {
        r gate.arm late all
        r gate.arm early all
        logged {r get a}
    } {{early get a} {late get a}}

    test "A gate that refuses ends it, and the others are told" {
        assert_error "NOPERM early says no" {r get forbidden}
        logged {catch {r get forbidden}}
    } {{early get forbidden} {late-refused get forbidden}}

    test "A refusal by a later gate is told to the earlier one" {
        logged {catch {r get lateno}}
    } {{early get lateno} {late get lateno} {early-refused get lateno}}

    test "An answer that is no error is no refusal" {
        assert_equal QUEUED [r get queue]
        logged {r get queue}
    } {{early get queue} {late get queue}}

    test "Unknown commands and wrong arity are told to all armed gates" {
        logged {catch {r nosuch a}; catch {r get}; catch {r config nosuch x}}
    } {{early-refused nosuch a} {late-refused nosuch a} {early-refused get} {late-refused get} {early-refused config nosuch x} {late-refused config nosuch x}}

    test "Refused calls are counted as rejected" {
        r config resetstat
        catch {r get forbidden}
        catch {r get}
        r get a
        assert_match {calls=1,*rejected_calls=2,failed_calls=0*} [cmdrstat get r]
        assert_match {count=1} [errorrstat NOPERM r]
    }

    test "Gates about the server's state are asked for another command" {
        r gate.arm early all
        r gate.arm late all
        assert_equal {pass {}} [r gate.ask get a]
        assert_equal {answered {ERR late says no}} [r gate.ask get lateno]
        # One about who may do what is not asked, and an unknown command is nobody's matter.
        assert_equal {pass {}} [r gate.ask get forbidden]
        assert_equal {pass {}} [r gate.ask nosuch lateno]
        r gate.arm hold all
        assert_equal {hold {}} [r gate.ask get a]
        r gate.arm hold none
        r gate.arm late none
        assert_equal {pass {}} [r gate.ask get lateno]
    }

    test "A gate armed for one client concerns only that one" {
        r gate.arm late none
        r gate.arm early none
        set rd [redis_client]
        $rd gate.arm late me
        assert_equal {1 0} [list [$rd gate.armed late] [r gate.armed late]]
        assert_equal {late get a} [lindex [logged {r get b; $rd get a}] 0]
        $rd gate.arm late none
        assert_equal {} [logged {$rd get a}]
        $rd close
    }

    test "A gate asks only of commands with its flags" {
        r gate.arm writes all
        assert_error "READONLY no writes now" {r set a 2}
        assert_equal 1 [r get a]
        assert_morethan [r gate.adminwrite] 0
        r gate.arm writes none
        r set a 2
    } OK

    test "Gates stay armed as modules come and go" {
        r gate.arm writes all
        r gate.arm late all
        r module load [test_module api_reply]
        assert_error "READONLY*" {r set a 3}
        assert_equal {{late get a}} [logged {r get a}]
        r module unload api_reply
        assert_error "READONLY*" {r set a 3}
        r gate.arm writes none
        r gate.arm late none
    } OK

    test "A held command waits, and what follows it, while other clients go on" {
        set rd [redis_deferring_client]
        $rd gate.id
        set id [$rd read]
        $rd gate.arm hold me
        $rd read
        $rd set held 1
        $rd get held
        $rd gate.arm hold none
        $rd get held
        after 100
        assert_equal {} [r get held]
        r gate.arm hold none
        assert_equal PONG [r ping]
        # Released, it is asked of again and held again.
        r gate.release $id
        after 50
        assert_equal {} [r get held]
        $rd close
    }

    test "Held for all, released for all, in order" {
        set clients {}
        for {set i 0} {$i < 5} {incr i} {lappend clients [redis_deferring_client]}
        r gate.arm hold all
        for {set i 0} {$i < 5} {incr i} {
            set rd [lindex $clients $i]
            for {set j 0} {$j < 20} {incr j} {$rd append held$i $j.}
        }
        after 100
        r gate.arm hold none
        r gate.release
        foreach rd $clients {
            for {set j 0} {$j < 20} {incr j} {set last [$rd read]}
            assert_equal 50 $last
            $rd close
        }
        assert_match 0.1.2.3.*19. [r get held3]
    }

    test "A held client that leaves" {
        set rd [redis_deferring_client]
        r gate.arm hold all
        $rd set gone 1
        after 50
        $rd close
        after 50
        r gate.arm hold none
        r gate.release
        r exists gone
    } 0

    test "Observers before and after" {
        r gate.arm before all
        r gate.arm after all
        assert_equal {{before get a} {after get a}} [logged {r get a}]
        r gate.arm before none
        r gate.arm after none
        logged {r get a}
    } {}

    test "The observer of errors sees failed, refused and unknown commands" {
        r gate.arm error all
        r gate.arm early all
        r set word abc
        set got [logged {
            catch {r incr word}
            catch {r get}
            catch {r nosuch}
            catch {r get forbidden}
            r get a
        }]
        r gate.arm error none
        r gate.arm early none
        set errors {}
        foreach line $got {if {[string match error* $line]} {lappend errors $line}}
        set errors
    } {{error incr word = ERR value is not an integer or out of range} {error get (refused) = ERR wrong number of arguments for 'get' command} {error nosuch (unknown) (refused) = ERR unknown command 'nosuch', with args beginning with: } {error get forbidden (refused) = NOPERM early says no}}

    test "An observer with two reasons is called once" {
        r gate.arm both all
        set got [logged {catch {r incr word}; r get a}]
        r gate.arm both none
        set got
    } {{both incr word = ERR value is not an integer or out of range} {both get a}}

    test "The observer of slow commands has a threshold" {
        r gate.arm slow all
        assert_equal {} [logged {r get a; r gate.nap 6}]
        r gate.threshold 5000000
        assert_equal {{slow gate.nap 6}} [logged {r get a; r gate.nap 6; r gate.nap 1}]
        r gate.threshold 0
        assert_equal {{not-slow get a}} [logged {r get a}]
        r gate.threshold -1
        logged {r get a; r gate.nap 6}
    } {}

    test "Its module can be unloaded with everything armed" {
        foreach name {early late before after slow error both} {r gate.arm $name all}
        r gate.threshold 0
        assert_equal OK [r module unload api_gate]
        r set a 1
        assert_error "ERR unknown command*" {r gate.id}
        assert_equal OK [r module load [test_module api_gate]]
        r gate.log on
        r get a
        r gate.log take
    } {}
}
