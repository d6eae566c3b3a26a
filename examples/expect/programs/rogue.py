#!/usr/bin/env python3
# A dungeon whose hero is as strong as chance will have it: rogue.py [SEED]. Each new hero takes the next number.
import random
import sys

try:
    with open("heroes", encoding="utf-8") as file:
        born = int(file.read())
except FileNotFoundError:
    born = 0
with open("heroes", "w", encoding="utf-8") as file:
    file.write(str(born + 1))
strength = random.Random(int(sys.argv[1]) + born).choice([8, 10, 12, 14, 16, 18])
print("\x1b[2J\x1b[12;40H@\x1b[24;1HLevel: 1  Gold: 0  Hp: 12(12)  Str: %d(%d)  Arm: 4  Exp: 1/0" % (strength, strength))
for line in sys.stdin:
    if line.strip() == "Q" and input("really quit? ") == "y":
        print("farewell")
        break
