cpdef object heappush(list heap, object item)
cpdef object heappop(list heap)
