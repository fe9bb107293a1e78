module streamcore.example

go 1.19
