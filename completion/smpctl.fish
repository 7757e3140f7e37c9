# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of smpctl for fish: smpctl knows its words itself, and opens no port for them.

function __smpctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete $words[2..] "$current" 2>/dev/null)
        if string match -q ':files*' -- $line
            set -l prefix (string replace -r '^:files\t' '' -- $line)
            set -l from (math (string length -- "$prefix") + 1)
            for path in (__fish_complete_path (string sub -s $from -- "$current"))
                echo "$prefix$path"
            end
        else
            echo $line
        end
    end
end

complete -c smpctl -f -a '(__smpctl_complete)'
