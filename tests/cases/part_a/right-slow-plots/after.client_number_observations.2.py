%%time
!ls -la
long_table.plot()
