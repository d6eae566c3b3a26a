#!/bin/sh
# A configuration in full-screen menus, as `make menuconfig` has them: menuconfig.sh FILE
whiptail --title Kernel --checklist 'Which parts?' 14 50 5 \
    net 'Networking' on usb 'USB support' off sound 'Sound' on ext4 'The ext4 file system' off \
    debug 'Debugging' on 2>parts || exit 1
whiptail --title Kernel --inputbox 'Local version' 10 50 2>version || exit 1
whiptail --title Kernel --yesno 'Save this configuration?' 8 50 || exit 1
echo "parts: $(cat parts)" >"$1"
echo "version: $(cat version)" >>"$1"
