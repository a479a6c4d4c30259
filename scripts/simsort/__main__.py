from simsort.cli import main

main()
