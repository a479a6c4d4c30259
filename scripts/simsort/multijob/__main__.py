"""python -m simsort.multijob"""

from simsort.multijob.command import main

main()
